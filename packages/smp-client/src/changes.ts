// Streams that tell the latest state of things: each thing waits at most once, whatever happens to it meanwhile.

export class Changes<K, V> implements AsyncIterableIterator<V, undefined> {
  readonly #describe: (key: K) => V
  readonly #changed = new Set<K>()
  #takers: ((result: IteratorResult<V, undefined>) => void)[] = []
  #ended = false

  /** `describe` says what the state is when it is taken. */
  constructor(describe: (key: K) => V) {
    this.#describe = describe
  }

  add(key: K): void {
    if (this.#ended) return
    const taker = this.#takers.shift()
    if (taker) taker({ value: this.#describe(key), done: false })
    else this.#changed.add(key)
  }

  /** Nobody wants to know any more. */
  delete(key: K): void {
    this.#changed.delete(key)
  }

  /** What waits can still be taken. */
  end(): void {
    this.#ended = true
    for (const taker of this.#takers) taker({ value: undefined, done: true })
    this.#takers = []
  }

  next(): Promise<IteratorResult<V, undefined>> {
    for (const key of this.#changed) {
      this.#changed.delete(key)
      return Promise.resolve({ value: this.#describe(key), done: false })
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
