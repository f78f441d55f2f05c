// Spec 04 §10: `PING`, and when a connection counts as dead.
import type { Clock } from '@smpkit/encoding/internal'

interface KeepAliveOptions {
  readonly clock: Clock
  /** Milliseconds; `null`: no `PING`. */
  readonly pingInterval: number | null
  ping(): Promise<unknown>
  onDead(): void
}

/** So many requests in a row were not answered, and nothing came for so long. */
const deadTimeouts = 3
const deadSilence = 15 * 60_000

export class KeepAlive {
  readonly #options: KeepAliveOptions
  #lastReceived: number
  #timeouts = 0
  #cancel: (() => void) | undefined
  #stopped = false

  constructor(options: KeepAliveOptions) {
    this.#options = options
    this.#lastReceived = options.clock.now()
  }

  received(): void {
    this.#lastReceived = this.#options.clock.now()
    this.#timeouts = 0
  }

  timedOut(count: number): void {
    this.#timeouts += count
    if (this.#timeouts >= deadTimeouts && this.#silence > deadSilence) this.#options.onDead()
  }

  get #silence(): number {
    return this.#options.clock.now() - this.#lastReceived
  }

  /** From the first subscription on. */
  start(): void {
    const { pingInterval } = this.#options
    if (pingInterval !== null && !this.#cancel && !this.#stopped) this.#schedule(pingInterval, pingInterval)
  }

  #schedule(wait: number, interval: number): void {
    this.#cancel = this.#options.clock.schedule(() => {
      const silence = this.#silence
      // What becomes of it shows in `received` and `timedOut`.
      if (silence >= interval) this.#options.ping().catch(() => {})
      this.#schedule(silence >= interval ? interval : interval - silence, interval)
    }, wait)
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }
}
