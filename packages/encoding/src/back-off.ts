// Spec 04 §10, 23 §9: how long to wait before the next attempt.

export interface BackOffOptions {
  /** Before the first repetition, in milliseconds. Default 1000 unless said otherwise. */
  readonly firstDelay?: number
  /** Default 1.5: each delay is so many times the one before. */
  readonly factor?: number
  /** Default 10 000 unless said otherwise. */
  readonly maxDelay?: number
}

/** Delays that grow with each failure, each between half and one and a half of the plain one: many do not repeat at once. */
export class BackOff {
  readonly #options: Required<BackOffOptions>
  readonly #random: () => number
  #failures = 0

  constructor({ firstDelay = 1000, factor = 1.5, maxDelay = 10_000 }: BackOffOptions, random: () => number) {
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
