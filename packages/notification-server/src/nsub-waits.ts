// Spec 30 §5: whoever waits for the answers of SMP servers to `NSUB`.
import type { Clock } from './clock.js'

export interface NsubWait {
  /** Settles when all are answered, or so many milliseconds have passed. @throws the reason of `signal` */
  wait(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** Has to be called whatever comes. */
  stop(): void
}

export class NsubWaits {
  /** By the id of a subscription: what to call when it is answered. */
  readonly #waiting = new Map<string, Set<() => void>>()
  #closed = false

  constructor(readonly clock: Clock) {}

  /** Subscriptions that are waited for. */
  get size(): number {
    return this.#waiting.size
  }

  /** From now on the answers to these subscriptions count. */
  begin(ids: readonly string[]): NsubWait {
    const open = new Set(ids)
    let finish = () => {}
    const done = new Promise<void>((resolve) => {
      finish = resolve
    })
    const resolvers = [...open].map((id) => {
      const resolve = () => {
        open.delete(id)
        if (open.size === 0) finish()
      }
      this.#waiting.set(id, (this.#waiting.get(id) ?? new Set()).add(resolve))
      return { id, resolve }
    })
    if (this.#closed || open.size === 0) finish()
    return {
      wait: async (milliseconds, signal) => {
        signal?.throwIfAborted()
        const cancel = this.clock.schedule(finish, milliseconds)
        signal?.addEventListener('abort', finish)
        await done
        cancel()
        signal?.removeEventListener('abort', finish)
        signal?.throwIfAborted()
      },
      stop: () => {
        for (const { id, resolve } of resolvers) {
          const waiters = this.#waiting.get(id)
          waiters?.delete(resolve)
          if (waiters?.size === 0) this.#waiting.delete(id)
        }
      },
    }
  }

  answered(ids: readonly string[]): void {
    for (const id of ids) for (const resolve of this.#waiting.get(id) ?? []) resolve()
  }

  /** Ends all waits as if their time had passed. */
  close(): void {
    this.#closed = true
    this.answered([...this.#waiting.keys()])
  }
}
