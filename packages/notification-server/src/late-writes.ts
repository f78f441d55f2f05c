// Collects keys of rows whose new state need not be stored at once: many change together.
import type { Clock } from './clock.js'

export class LateWrites {
  readonly #clock: Clock
  readonly #delay: number
  readonly #write: (keys: readonly string[]) => Promise<void>
  readonly #keys = new Set<string>()
  #cancel: (() => void) | undefined
  #writing: Promise<void> = Promise.resolve()
  #closed = false

  /** `write` never rejects; it may add keys again. */
  constructor(clock: Clock, delay: number, write: (keys: readonly string[]) => Promise<void>) {
    this.#clock = clock
    this.#delay = delay
    this.#write = write
  }

  add(key: string): void {
    this.#keys.add(key)
    if (this.#closed) return
    this.#cancel ??= this.#clock.schedule(() => this.#flush(), this.#delay)
  }

  #flush(): void {
    this.#cancel?.()
    this.#cancel = undefined
    const keys = [...this.#keys]
    this.#keys.clear()
    if (keys.length > 0) this.#writing = this.#writing.then(() => this.#write(keys))
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    this.#closed = true
    this.#flush()
    await this.#writing
  }
}
