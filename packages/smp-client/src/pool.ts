// Spec 04 §10: sessions with many servers, which reconnect and resubscribe.

import { type BackOffOptions, type Clock, systemClock } from '@smpkit/encoding/internal'
import { type ServerAddress, serverKey } from '@smpkit/smp-commands/address'
import { Changes } from './changes.js'
import type { Connect, ServiceCredentials } from './connect.js'
import { ConnectTurns } from './connect-turns.js'
import { SmpClientError, type SmpError } from './errors.js'
import { Stream } from './events.js'
import type { MaybePromise, PoolContext } from './pool-context.js'
import { PooledServer } from './pooled-server.js'
import type { SmpClientSession } from './session.js'
import type { SessionEvent, SessionOptions } from './session-options.js'
import { outcomeOf, type ServiceEnd, type Subscription, type SubscriptionOutcome } from './subscriptions.js'

export interface PoolOptions {
  /** Default: TLS, where there is Node. */
  connect?: Connect
  /** For all sessions. */
  session?: Omit<SessionOptions, 'clock'>
  /**
   * The service to present to a server, asked for with each attempt to connect, which fails if it rejects. A server that refuses the
   * service gets sessions without it for an hour. Default: none.
   */
  service?: (server: PooledServer) => MaybePromise<ServiceCredentials | null | undefined>
  /** What to do with the service's queues after `ENDS`: drop them as `END` does, or subscribe them again one by one. Default: drop. */
  serviceEnd?: ServiceEnd
  /** Delays between attempts to connect: 1 s, then 1.5 times as long up to 10 s, each between half and one and a half of it. */
  reconnect?: BackOffOptions
  /** Of one attempt, in milliseconds. Default 45 000. */
  connectTimeout?: number
  /** How many servers may be connecting at the same time, those that failed last time being half of them at most. Default 64. */
  maxConnecting?: number
  /** How many events may wait before sessions stop reading. Default 4096. */
  eventBuffer?: number
  clock?: Clock
  random?: () => number
}

export interface PoolEvent extends SessionEvent {
  readonly server: PooledServer
  /** The one that it came in; not always the current one. */
  readonly session: SmpClientSession
}

export interface PoolStatus {
  readonly server: PooledServer
  readonly status: 'up' | 'down'
  /** Why it is down. */
  readonly reason: SmpError | undefined
  /** Sessions that ended otherwise than by us: more than before tells of those that nobody saw going down. */
  readonly lostSessions: number
}

/** One connection for each server and user, made when it is needed, and made again while something is subscribed. */
export class SmpPool implements AsyncDisposable {
  /**
   * What servers send unasked, in the order of each session; `END` and `ENDS` only from current sessions. When nobody takes
   * them sessions stop reading, except for answers that somebody waits for: see `SessionOptions.eventBuffer`.
   */
  readonly events: AsyncIterableIterator<PoolEvent, undefined>
  /** The latest status of each server whose status has changed. */
  readonly status: AsyncIterableIterator<PoolStatus, undefined>
  /** The latest result of each subscription that has a new one. What is dropped stays in memory until it is taken here. */
  readonly outcomes: AsyncIterableIterator<SubscriptionOutcome, undefined>
  readonly #servers = new Map<string, PooledServer>()
  readonly #events: Stream<PoolEvent>
  readonly #status: Changes<PooledServer, PoolStatus>
  readonly #outcomes: Changes<Subscription, SubscriptionOutcome>
  readonly #context: PoolContext
  #waitingForRoom: { server: PooledServer; go: () => void }[] = []
  #closed = false

  constructor(options: PoolOptions = {}) {
    const { clock = systemClock, eventBuffer = 4096, maxConnecting = 64 } = options
    this.#status = new Changes(statusOf)
    this.#outcomes = new Changes(outcomeOf)
    this.#events = new Stream({ onTaken: () => this.#onEventTaken(eventBuffer) })
    this.events = this.#events
    this.status = this.#status
    this.outcomes = this.#outcomes
    const turns = new ConnectTurns(maxConnecting)
    this.#context = {
      connect: options.connect,
      session: options.session ?? {},
      clock,
      random: options.random ?? Math.random,
      reconnect: options.reconnect ?? {},
      connectTimeout: options.connectTimeout ?? 45_000,
      connectTurn: (failing, signal) => turns.take(failing, signal),
      service: options.service ?? (() => null),
      serviceEnd: options.serviceEnd ?? 'drop',
      onStatus: (server) => this.#status.add(server),
      onClosing: (server) => this.#letGo((waiting) => waiting.server === server),
      onClosed: (server) => {
        const key = keyOf(server.address, server.userId)
        if (this.#servers.get(key) === server) this.#servers.delete(key)
      },
      onSubscription: (subscription) => this.#outcomes.add(subscription),
      onForgotten: (subscription) => this.#outcomes.delete(subscription),
      onEvent: async (server, session, { entityId, message }) => {
        this.#events.push({ server, session, entityId, message })
        if (this.#events.length >= eventBuffer && !server.closing)
          await new Promise<void>((go) => this.#waitingForRoom.push({ server, go }))
      },
    }
  }

  /** The server at an address, for a user: the same object as long as it is not closed. It connects when it is used. */
  server(address: ServerAddress, userId = ''): PooledServer {
    if (this.#closed) throw new SmpClientError('CLOSED', 'the pool was closed')
    const key = keyOf(address, userId)
    const known = this.#servers.get(key)
    if (known) return known
    const server = new PooledServer(address, userId, this.#context)
    this.#servers.set(key, server)
    return server
  }

  /**
   * The next connection of the server goes to this address of it, at which it is found from now on. The present one stays.
   * @throws SmpClientError `INVALID` if another server was asked for there
   */
  move(server: PooledServer, address: ServerAddress): void {
    const former = keyOf(server.address, server.userId)
    if ((this.#servers.get(keyOf(address, server.userId)) ?? server) !== server)
      throw new SmpClientError('INVALID', 'expected an address that no other server of the pool has')
    if (this.#servers.get(former) === server) this.#servers.delete(former)
    server.address = address
    this.#servers.set(keyOf(address, server.userId), server)
  }

  /** All servers that were asked for and not closed. */
  servers(): PooledServer[] {
    return [...this.#servers.values()]
  }

  /** All at once: who has nothing to add must not take the place of another. */
  #onEventTaken(eventBuffer: number): void {
    if (this.#events.length < eventBuffer && this.#waitingForRoom.length > 0) this.#letGo(() => true)
  }

  #letGo(test: (waiting: { server: PooledServer }) => boolean): void {
    const waiting = this.#waitingForRoom
    this.#waitingForRoom = waiting.filter((one) => !test(one))
    for (const one of waiting) if (test(one)) one.go()
  }

  /** Ends all sessions. Whoever waits for something gets `CLOSED`; what waits in the streams can still be taken. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.servers().map((server) => server.close()))
    this.#events.end()
    this.#status.end()
    this.#outcomes.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

const keyOf = (address: ServerAddress, userId: string): string => JSON.stringify([serverKey(address), userId])

function statusOf(server: PooledServer): PoolStatus {
  const { session, reason, lostSessions } = server
  return { server, status: session ? 'up' : 'down', reason, lostSessions }
}
