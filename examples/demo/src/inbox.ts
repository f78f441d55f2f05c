/** Things that come, for one who waits for them. */
export class Inbox<T> {
  readonly #waiting: T[] = []
  #take: ((value: T) => void) | undefined

  put(value: T): void {
    const take = this.#take
    this.#take = undefined
    if (take) take(value)
    else this.#waiting.push(value)
  }

  /** The next one. Rejects with the reason of `signal`. */
  take(signal: AbortSignal): Promise<T> {
    const first = this.#waiting.shift()
    if (first !== undefined) return Promise.resolve(first)
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      this.#take = resolve
    })
  }
}
