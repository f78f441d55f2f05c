// Those who wait for the first results of their subscriptions.
import type { Subscription } from './subscriptions.js'

/** Somebody who waits for several subscriptions. */
export interface Waiter {
  left: number
  done(): void
}

export class Waiters {
  readonly #all = new Set<Waiter>()

  /** Settles when each has its next result, or is forgotten. */
  wait(subscriptions: Iterable<Subscription>): Promise<void> {
    return new Promise((done) => {
      const waiter: Waiter = { left: 0, done }
      const alone = [waiter]
      for (const subscription of new Set(subscriptions)) {
        subscription.waiters = subscription.waiters ? [...subscription.waiters, waiter] : alone
        waiter.left++
      }
      if (waiter.left === 0) done()
      else this.#all.add(waiter)
    })
  }

  settle(subscription: Subscription): void {
    const { waiters = [] } = subscription
    subscription.waiters = undefined
    for (const waiter of waiters) {
      if (--waiter.left > 0) continue
      this.#all.delete(waiter)
      waiter.done()
    }
  }

  end(): void {
    for (const waiter of this.#all) waiter.done()
    this.#all.clear()
  }
}
