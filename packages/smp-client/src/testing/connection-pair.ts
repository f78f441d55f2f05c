// Two ends of a connection in memory, with the promises of `BlockConnection`.
import type { BlockConnection } from '@smpkit/smp-commands'

/** Blocks that one end has sent and the other has not taken. */
const room = 16

class End<S> implements BlockConnection<S>, AsyncIterator<Uint8Array, undefined> {
  readonly closed: Promise<Error | undefined>
  peer: End<unknown> | undefined
  #settle: (error: Error | undefined) => void = () => {}
  #blocks: Uint8Array[] = []
  #takers: ((result: IteratorResult<Uint8Array, undefined>) => void)[] = []
  #onRoom: (() => void)[] = []
  #ended = false

  constructor(readonly session: S) {
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  async send(content: Uint8Array): Promise<void> {
    const { peer } = this
    if (this.#ended || !peer) throw new Error('the connection has ended')
    // A copy, and later: as a network does it.
    const block = content.slice()
    setImmediate(() => peer.#arrive(block))
    if (peer.#blocks.length >= room) await new Promise<void>((resolve) => peer.#onRoom.push(resolve))
  }

  #arrive(block: Uint8Array): void {
    if (this.#ended) return
    const taker = this.#takers.shift()
    if (taker) taker({ value: block, done: false })
    else this.#blocks.push(block)
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const value = this.#blocks.shift()
    if (value) {
      this.#onRoom.shift()?.()
      return { value, done: false }
    }
    if (this.#ended) return { value: undefined, done: true }
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  /** Ends both ends at once. */
  end(error?: Error): void {
    if (this.#ended) return
    this.#ended = true
    for (const taker of this.#takers) taker({ value: undefined, done: true })
    for (const onRoom of this.#onRoom) onRoom()
    this.#settle(error)
    this.peer?.end(error)
  }

  /** How many blocks wait here. */
  get waiting(): number {
    return this.#blocks.length
  }

  async close(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.end()
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

export type PairEnd<S> = End<S>

export function connectionPair<A, B>(a: A, b: B): [PairEnd<A>, PairEnd<B>] {
  const ends = [new End(a), new End(b)] as const
  ends[0].peer = ends[1]
  ends[1].peer = ends[0]
  return [...ends]
}
