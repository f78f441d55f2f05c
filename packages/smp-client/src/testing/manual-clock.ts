// A clock that stands still until a test moves it.
import type { Clock } from '@smpkit/encoding/internal'

export class ManualClock implements Clock {
  #now = 0
  readonly #timers = new Set<{ at: number; run: () => void }>()

  now(): number {
    return this.#now
  }

  schedule(run: () => void, milliseconds: number): () => void {
    const timer = { at: this.#now + milliseconds, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#timers.size
  }

  /** Moves on and runs what is due, in order; what that starts gets its turn in between. */
  async advance(milliseconds: number): Promise<void> {
    await settled()
    const end = this.#now + milliseconds
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.#timers.delete(due)
      this.#now = Math.max(this.#now, due.at)
      due.run()
      await settled()
    }
    this.#now = end
    await settled()
  }
}

/** Lets everything that is under way in memory come to rest. */
export async function settled(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}
