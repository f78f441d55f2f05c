// Spec 13 §13.11: queues that are fetched from: one at a time each, and each message until it is acknowledged.
import { toMapKey } from '@smpkit/encoding'
import type { ReceiveQueue } from './step-rows.js'

const keyOf = ({ connId, queueNo }: Pick<ReceiveQueue, 'connId' | 'queueNo'>): string =>
  `${toMapKey(connId)} ${queueNo}`

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Who fetches from a queue, and who waits until a message of it is acknowledged. */
export class Fetching {
  readonly #running = new Map<string, Promise<unknown>>()
  readonly #waiting = new Map<string, () => void>()

  get isIdle(): boolean {
    return this.#running.size === 0
  }

  /** Runs `work` when nobody else works on the queue. @throws what `signal` was aborted with */
  async exclusive<T>(queue: ReceiveQueue, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const key = keyOf(queue)
    for (let other = this.#running.get(key); other; other = this.#running.get(key)) {
      await Promise.race([other.catch(() => {}), aborted(signal)])
      signal.throwIfAborted()
    }
    const running = work().finally(() => this.#running.delete(key))
    this.#running.set(key, running)
    return await running
  }

  /** Whether the server was told, before `signal` aborts. */
  async acknowledgement(queue: ReceiveQueue, brokerId: Uint8Array, signal: AbortSignal): Promise<boolean> {
    const key = keyOf(queue) + toMapKey(brokerId)
    const told = new Promise<true>((resolve) => this.#waiting.set(key, () => resolve(true)))
    const isTold = await Promise.race([told, aborted(signal).then(() => false)])
    this.#waiting.delete(key)
    return isTold
  }

  acknowledged(queue: ReceiveQueue, brokerId: Uint8Array): void {
    this.#waiting.get(keyOf(queue) + toMapKey(brokerId))?.()
  }
}
