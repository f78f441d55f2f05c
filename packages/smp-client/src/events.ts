// Spec 04 §2.3, §5: what a server sends unasked, in bounded buffers.
import { toMapKey } from '@smpkit/encoding'

/** A queue of values that is iterated by taking from it: each value goes to one taker. */
export class Stream<T> implements AsyncIterableIterator<T, undefined> {
  #values: T[] = []
  /** Values before it have been taken. */
  #head = 0
  #takers: ((result: IteratorResult<T, undefined>) => void)[] = []
  #ended = false
  readonly #onTaken: ((value: T) => void) | undefined
  readonly #onReturn: (() => void) | undefined

  /** `onTaken` is called after each value that waited, `onReturn` when the taker gives up. */
  constructor(options: { onTaken?: (value: T) => void; onReturn?: () => void } = {}) {
    this.#onTaken = options.onTaken
    this.#onReturn = options.onReturn
  }

  get length(): number {
    return this.#values.length - this.#head
  }

  /** Whether the value has to wait for a taker. */
  push(value: T): boolean {
    if (this.#ended) return false
    const taker = this.#takers.shift()
    if (taker) taker({ value, done: false })
    else this.#values.push(value)
    return taker === undefined
  }

  /** Takes out what waits and passes the test. */
  extract(test: (value: T) => boolean): T[] {
    const waiting = this.#values.slice(this.#head)
    this.#head = 0
    this.#values = waiting.filter((value) => !test(value))
    return waiting.filter(test)
  }

  /** What waits can still be taken. */
  end(): void {
    this.#ended = true
    for (const taker of this.#takers) taker({ value: undefined, done: true })
    this.#takers = []
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.length > 0) {
      const value = this.#values[this.#head] as T
      this.#values[this.#head++] = undefined as T
      if (this.#head * 2 > this.#values.length) {
        this.#values = this.#values.slice(this.#head)
        this.#head = 0
      }
      this.#onTaken?.(value)
      return Promise.resolve({ value, done: false })
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#onReturn?.()
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/**
 * Events in one buffer of which the entities that somebody listens to have parts of their own: what is not theirs is in
 * `rest`.
 */
export class EventRouter<E extends { readonly entityId: Uint8Array }> {
  readonly rest: Stream<E>
  readonly #routes = new Map<string, Stream<E>>()
  readonly #onTaken: (event: E) => void
  #size = 0
  #bytes = 0
  #ended = false

  constructor(onTaken: () => void) {
    this.#onTaken = (event) => {
      this.#remove(event)
      onTaken()
    }
    this.rest = new Stream({ onTaken: this.#onTaken })
  }

  /** How many events wait. */
  get size(): number {
    return this.#size
  }

  /** How much memory they keep. */
  get bytes(): number {
    return this.#bytes
  }

  push(event: E): void {
    const stream = this.#routes.get(toMapKey(event.entityId)) ?? this.rest
    if (!stream.push(event)) return
    this.#size++
    this.#bytes += bytesOf(event)
  }

  #remove(event: E): void {
    this.#size--
    this.#bytes -= bytesOf(event)
  }

  /** The events of one entity, those included that wait already. What is left at its `return` goes back to `rest`. */
  open(entityId: Uint8Array): Stream<E> {
    const key = toMapKey(entityId)
    if (this.#routes.has(key)) throw new TypeError('expected a queue that nobody iterates yet')
    const route: Stream<E> = new Stream({
      onTaken: this.#onTaken,
      onReturn: () => {
        if (this.#routes.get(key) !== route) return
        this.#routes.delete(key)
        this.#move(route, this.rest, () => true)
        route.end()
      },
    })
    this.#routes.set(key, route)
    this.#move(this.rest, route, (event) => toMapKey(event.entityId) === key)
    if (this.#ended) route.end()
    return route
  }

  #move(from: Stream<E>, to: Stream<E>, test: (event: E) => boolean): void {
    for (const event of from.extract(test)) if (!to.push(event)) this.#remove(event)
  }

  end(): void {
    this.#ended = true
    this.rest.end()
    for (const route of this.#routes.values()) route.end()
  }
}

/** The entity id is a part of the transmission that the event came in, and all of that stays in memory. */
const bytesOf = ({ entityId }: { readonly entityId: Uint8Array }): number => entityId.buffer.byteLength
