// Spec 23 §9: how long to wait before the next attempt to connect.

export interface BackOffOptions {
  /** Before the first repetition, in milliseconds. Default 2000. */
  readonly firstDelay?: number
  /** Default 1.5. */
  readonly factor?: number
  /** Default 180 000. */
  readonly maxDelay?: number
}

/** Delays that grow with each failure, each between half and one and a half of the plain one: many do not repeat at once. */
export class BackOff {
  readonly #options: Required<BackOffOptions>
  readonly #random: () => number
  #failures = 0

  constructor({ firstDelay = 2000, factor = 1.5, maxDelay = 180_000 }: BackOffOptions, random: () => number) {
    this.#options = { firstDelay, factor, maxDelay }
    this.#random = random
  }

  /** The next delay in milliseconds, after one more failure. */
  next(): number {
    const { firstDelay, factor, maxDelay } = this.#options
    const plain = Math.min(maxDelay, firstDelay * factor ** this.#failures++)
    return plain * (0.5 + this.#random())
  }

  succeeded(): void {
    this.#failures = 0
  }
}
