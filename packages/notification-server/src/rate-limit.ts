// Issue texts: how often somebody may do something.
import type { Clock } from './clock.js'

/** So many at once, and after that evenly spaced. */
export class RateLimit {
  /** When all that was taken would be paid for. The ones used longest ago are first. */
  readonly #paidAt = new Map<string, number>()
  readonly #cost: number

  /** `count` in every `period` of milliseconds. */
  constructor(
    readonly clock: Clock,
    count: number,
    readonly period: number,
  ) {
    this.#cost = period / count
  }

  /** How many there are to take. */
  left(key: string): number {
    const now = this.clock.now()
    const paidAt = Math.min(now + this.period, Math.max(now, this.#paidAt.get(key) ?? now))
    return Math.floor((now + this.period - paidAt) / this.#cost)
  }

  /** Takes one, or tells after how many milliseconds there is one to take. */
  take(key: string): number {
    const now = this.clock.now()
    // Never more than a period ahead, unless the clock was set back.
    const before = Math.min(now + this.period, Math.max(now, this.#paidAt.get(key) ?? now))
    const paidAt = before + this.#cost
    const wait = paidAt - now - this.period
    if (wait > 0) return Math.ceil(wait)
    this.#paidAt.delete(key)
    this.#paidAt.set(key, paidAt)
    for (const [old, at] of this.#paidAt) {
      if (at > now) break
      this.#paidAt.delete(old)
    }
    return 0
  }
}
