// Collects values until somebody takes all of them at once.

/** How many values may wait before `room` does. */
const defaultLimit = 8192

export class EventBuffer<T> implements AsyncIterable<readonly T[]> {
  #values: T[] = []
  #ended = false
  #wake = () => {}
  #onRoom: (() => void)[] = []

  constructor(readonly limit = defaultLimit) {}

  /** How many values wait. */
  get length(): number {
    return this.#values.length
  }

  push(value: T): void {
    this.#values.push(value)
    this.#wake()
  }

  /** Settles when there is room again, which the one who pushes waits for. */
  async room(): Promise<void> {
    if (this.#values.length >= this.limit) await new Promise<void>((resolve) => this.#onRoom.push(resolve))
  }

  /** What waits can still be taken. */
  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** For one consumer. Never gives an empty array. */
  async *[Symbol.asyncIterator](): AsyncGenerator<readonly T[]> {
    for (;;) {
      if (this.#values.length > 0) {
        const values = this.#values
        this.#values = []
        for (const resolve of this.#onRoom.splice(0)) resolve()
        yield values
      } else if (this.#ended) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
