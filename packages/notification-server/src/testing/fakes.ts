// Stand-ins for the SMP side, a push provider and a store that dies.
import { toBase64url, toHex } from '@smpkit/encoding'
import { consoleProvider, type Push, type PushOutcome, type PushProvider } from '@smpkit/push-providers'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import type { NotificationStore } from '../store.js'
import type { Notifier, SmpSubscriber, SubscriberEvent } from '../subscriber.js'

const hostsOf = ({ hosts }: ServerAddress): string => hosts.map(({ text }) => text).join()

export const serverOf = ({ keyHash }: ServerAddress): string => toBase64url(keyHash)

/** Answers `NSUB` at once as `answer` says, unless that is `none`. */
export class FakeSubscriber implements SmpSubscriber {
  /** The ids of the queues that were asked for, in hex, in order. */
  readonly subscribed: string[] = []
  readonly unsubscribed: string[] = []
  /** Those that were asked for and not given up. */
  readonly kept = new Set<string>()
  readonly hosts = new Map<string, string>()
  readonly #servers = new Map<string, string>()
  answer: 'OK' | 'AUTH' | 'none' = 'OK'
  reachable: (server: ServerAddress) => boolean = () => false
  #pending: SubscriberEvent[] = []
  #wake = () => {}
  #closed = false

  readonly events = this.#iterate()

  async *#iterate(): AsyncGenerator<readonly SubscriberEvent[]> {
    for (;;) {
      if (this.#pending.length > 0) {
        const events = this.#pending
        this.#pending = []
        yield events
      } else if (this.#closed) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }

  emit(...events: SubscriberEvent[]): void {
    this.#pending.push(...events)
    this.#wake()
  }

  subscribe(address: ServerAddress, notifiers: readonly Notifier[]): void {
    const server = serverOf(address)
    for (const { notifierId } of notifiers) {
      const id = toHex(notifierId)
      this.subscribed.push(id)
      this.kept.add(id)
      this.hosts.set(id, hostsOf(address))
      this.#servers.set(id, server)
      if (this.answer === 'OK') this.emit({ type: 'subscribed', server, notifierId, serviceId: null })
      if (this.answer === 'AUTH') this.emit({ type: 'refused', server, notifierId, code: 'AUTH' })
    }
  }

  unsubscribe(_: ServerAddress, notifierIds: readonly Uint8Array[]): void {
    this.unsubscribed.push(...notifierIds.map(toHex))
    for (const id of notifierIds) this.kept.delete(toHex(id))
  }

  move(server: ServerAddress): void {
    for (const [id, known] of this.#servers) if (known === serverOf(server)) this.hosts.set(id, hostsOf(server))
  }

  async probe(server: ServerAddress): Promise<boolean> {
    return this.reachable(server)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Keeps pushes; each is answered with the next of `outcomes`, or accepted. `hold` makes them wait for `release`. */
export class FakeProvider implements PushProvider {
  readonly pushes: Push[] = []
  readonly outcomes: (PushOutcome | 'hang' | 'throw')[] = []
  readonly readToken: PushProvider['readToken']
  hold = false
  inFlight = 0
  #held: (() => void)[] = []

  constructor(
    readonly name = 'fake',
    readonly maxConcurrent = 4,
  ) {
    this.readToken = consoleProvider({ write() {} }).readToken
  }

  async send(push: Push, _: { readonly signal: AbortSignal }): Promise<PushOutcome> {
    this.pushes.push(push)
    const outcome = this.outcomes.shift() ?? { outcome: 'accepted' }
    if (outcome === 'throw') throw new Error('a provider that breaks its contract')
    if (outcome === 'hang') return new Promise(() => {})
    this.inFlight++
    if (this.hold) await new Promise<void>((resolve) => this.#held.push(resolve))
    this.inFlight--
    return outcome
  }

  release(): void {
    for (const resolve of this.#held.splice(0)) resolve()
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A store behind which the process can die: from then on nothing that was asked of it happens or answers. */
export function mortal(store: NotificationStore): {
  store: NotificationStore
  die(): void
  failures: { next: number }
} {
  let dead = false
  const failures = { next: 0 }
  const watched = intercepted(store, async (name, call) => {
    if (dead) return new Promise(() => {})
    if (name === 'atomic' && failures.next > 0) {
      failures.next--
      throw new Error('the store failed')
    }
    const result = await call()
    return dead ? new Promise(() => {}) : result
  })
  const die = () => {
    dead = true
  }
  return { store: watched, failures, die }
}

/** A store whose calls go through `around`. */
export function intercepted(
  store: NotificationStore,
  around: (name: keyof NotificationStore, call: () => Promise<unknown>, args: readonly unknown[]) => Promise<unknown>,
): NotificationStore {
  return new Proxy(store, {
    get(target, name: keyof NotificationStore) {
      const member: unknown = target[name]
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => around(name, async () => member.apply(target, args), args)
    },
  })
}
