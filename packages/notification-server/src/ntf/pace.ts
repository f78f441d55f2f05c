// 24 §3 W19: work of many connections in the one thread of the process.

/** Lets so much work be done before everything else of the process has its turn, whoever does it. First come, first served. */
export class Pace {
  #left = 0
  #next: Promise<void> | undefined

  constructor(readonly perTurn: number) {}

  /** Settles with how much of it may be done now, at least 1. */
  async take(wanted: number): Promise<number> {
    while (this.#left <= 0) {
      this.#next ??= new Promise((resolve) => setImmediate(resolve)).then(() => {
        this.#left = this.perTurn
        this.#next = undefined
      })
      await this.#next
    }
    const taken = Math.min(wanted, this.#left)
    this.#left -= taken
    return taken
  }
}
