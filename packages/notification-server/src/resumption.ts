// Spec 30 §6, 24 §3 W22: what the store has at the start is subscribed server by server, and not everywhere at once.
import type { Clock } from './clock.js'
import type { Notifier } from './subscriber.js'

/** So many servers are subscribed at once; more of them over a time that grows with their number, in milliseconds. */
const atOnce = 10
const spreadEach = 10
const longestSpread = 10_000

export const isPaced = (servers: number): boolean => servers > atOnce

interface Waiting {
  readonly notifiers: Notifier[]
  cancel(): void
}

export class Resumption {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #subscribe: (server: string, notifiers: readonly Notifier[]) => void
  readonly #waiting = new Map<string, Waiting>()

  constructor(
    { clock, random }: { readonly clock: Clock; readonly random: () => number },
    subscribe: (server: string, notifiers: readonly Notifier[]) => void,
  ) {
    this.#clock = clock
    this.#random = random
    this.#subscribe = subscribe
  }

  add(server: string, notifiers: readonly Notifier[]): void {
    const waiting = this.#waiting.get(server) ?? { notifiers: [], cancel() {} }
    for (const notifier of notifiers) waiting.notifiers.push(notifier)
    this.#waiting.set(server, waiting)
  }

  /** All was added. */
  begin(servers: number): void {
    const spread = Math.min(longestSpread, servers * spreadEach)
    for (const [server, waiting] of [...this.#waiting]) {
      if (!isPaced(servers)) this.now(server)
      else waiting.cancel = this.#clock.schedule(() => this.now(server), spread * this.#random())
    }
  }

  /** Somebody wants something of this server: all that waits goes before. */
  now(server: string): void {
    const waiting = this.#waiting.get(server)
    if (!waiting) return
    this.#waiting.delete(server)
    waiting.cancel()
    this.#subscribe(server, waiting.notifiers)
  }

  /** What waits stays in the store. */
  close(): void {
    for (const { cancel } of this.#waiting.values()) cancel()
    this.#waiting.clear()
  }
}
