// Work that comes in pieces, done one piece at a time: what comes at once, or while a piece is being done, is the next one.

export class Turns {
  readonly #work: () => Promise<void>
  #isWoken = false
  #running: Promise<void> | undefined

  /** `work` does what there is, and never rejects. */
  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  /** There is something to do. */
  wake(): void {
    this.#isWoken = true
    this.#running ??= this.#run()
  }

  /** Settles when there is nothing to do. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #run(): Promise<void> {
    while (this.#isWoken) {
      // Answers that a socket has had together come together.
      await new Promise<void>((resolve) => setImmediate(resolve))
      this.#isWoken = false
      await this.#work()
    }
    this.#running = undefined
  }
}
