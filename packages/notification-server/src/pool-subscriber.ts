// The SMP side of the notification server, made from a pool of sessions.
import { toBase64url } from '@smpkit/encoding'
import {
  type Connect,
  type PooledServer,
  type PoolOptions,
  type ServiceCredentials,
  SmpClientError,
  type SmpClientSession,
  SmpPool,
  type SubscriptionOutcome,
} from '@smpkit/smp-client'
import { type ServerAddress, serverKey } from '@smpkit/smp-commands/address'
import { codeOf, reasonOf } from './down-reason.js'
import { EventBuffer } from './event-buffer.js'
import { guardedConnect } from './guarded-connect.js'
import type { Notifier, SmpSubscriber, SubscriberEvent } from './subscriber.js'

/** Connections of this user only try whether a server is there. */
const probeUser = 'probe'

/** A self-signed certificate, DER, and its key: one for each SMP server (06 §2). */
export type NotifierService = Omit<ServiceCredentials, 'role'>

export interface PoolSubscriberOptions extends Omit<PoolOptions, 'connect' | 'service' | 'serviceEnd'> {
  /** Default: `guardedConnect()`. */
  readonly connect?: Connect
  /** What to present to the server of this key hash in base64url, stored before. Default: nothing. */
  readonly service?: (server: string) => Promise<NotifierService | null>
}

/** How servers that stay away are tried again: each client may name many of them. */
const reconnect = { maxDelay: 60_000 }

/** Keeps queues subscribed through sessions of its own, those of a service where `service` says so and the server knows services. */
export function createPoolSubscriber(options: PoolSubscriberOptions = {}): SmpSubscriber {
  const { service, connect = guardedConnect(), ...others } = options
  const credentials = async (server: PooledServer): Promise<ServiceCredentials | null> => {
    const own = server.userId === probeUser ? null : await service?.(keyOf(server.address))
    return own ? { role: 'notifier', certChain: own.certChain, privateKey: own.privateKey } : null
  }
  return poolSubscriber(new SmpPool({ reconnect, ...others, connect, service: credentials, serviceEnd: 'resubscribe' }))
}

/**
 * Takes the pool over: nobody else may read its streams, and closing the subscriber closes it. A pool with a `service` is to have the
 * `serviceEnd` `resubscribe`.
 */
export function poolSubscriber(pool: SmpPool): SmpSubscriber {
  return new PoolSubscriber(pool)
}

/** A server is its key hash: there is one session with it, whatever its hosts are called. */
interface Entry {
  readonly server: PooledServer
  /** Lost sessions that were told of. */
  lost: number
  /** The session in which all queues were answered. */
  settled: SmpClientSession | undefined
  /** It serves nobody: what is to be subscribed when it has ended, by notifier id. */
  next: Map<string, Notifier> | undefined
  /** Queues, by notifier id, of which it would be news that they are subscribed without a service. */
  readonly awaited: Set<string>
}

class PoolSubscriber implements SmpSubscriber {
  readonly events: AsyncIterable<readonly SubscriberEvent[]>
  readonly #pool: SmpPool
  readonly #buffer = new EventBuffer<SubscriberEvent>()
  readonly #entries = new Map<string, Entry>()
  readonly #pumps: Promise<unknown>

  constructor(pool: SmpPool) {
    this.#pool = pool
    this.events = this.#buffer
    this.#pumps = Promise.all([this.#pumpEvents(), this.#pumpStatus(), this.#pumpOutcomes()]).finally(() =>
      this.#buffer.end(),
    )
  }

  get backlog(): number {
    return this.#buffer.length
  }

  subscribe(address: ServerAddress, notifiers: readonly Notifier[]): void {
    if (notifiers.length === 0) return
    try {
      const { server, next, awaited } = this.#entryOf(address)
      for (const { notifierId, isKnown } of notifiers) if (!isKnown) awaited.add(toBase64url(notifierId))
      if (next) for (const notifier of notifiers) next.set(toBase64url(notifier.notifierId), notifier)
      // What becomes of it comes as outcomes; it rejects only after close.
      else server.subscribe('notifications', notifiers.map(queueOf)).catch(ignoreClosed)
    } catch (error) {
      // A closed pool takes no work; what is in the store is taken up at the next start.
      ignoreClosed(error)
    }
  }

  unsubscribe(address: ServerAddress, notifierIds: readonly Uint8Array[]): void {
    const entry = this.#entries.get(keyOf(address))
    if (!entry) return
    for (const id of notifierIds.map(toBase64url)) {
      entry.next?.delete(id)
      entry.awaited.delete(id)
    }
    entry.server.unsubscribe('notifications', notifierIds)
    this.#closeIfIdle(entry)
  }

  move(address: ServerAddress): void {
    const server = this.#entries.get(keyOf(address))?.server
    if (server && serverKey(server.address) !== serverKey(address)) this.#pool.move(server, address)
  }

  async probe(address: ServerAddress): Promise<boolean> {
    try {
      const server = this.#pool.server(address, probeUser)
      const connected = await server.connected().then(
        () => true,
        () => false,
      )
      await server.close()
      return connected
    } catch (error) {
      ignoreClosed(error)
      return false
    }
  }

  async close(): Promise<void> {
    await this.#pool.close()
    await this.#pumps
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #entryOf(address: ServerAddress): Entry {
    const key = keyOf(address)
    const known = this.#entries.get(key)
    if (known) return known
    const entry: Entry = {
      server: this.#pool.server(address),
      lost: 0,
      settled: undefined,
      next: undefined,
      awaited: new Set(),
    }
    this.#entries.set(key, entry)
    return entry
  }

  /** Clients choose the servers: a connection that serves nobody does not stay. */
  #closeIfIdle(entry: Entry): void {
    const { server } = entry
    if (server.tables.notifications.size > 0 || entry.next) return
    const next = new Map<string, Notifier>()
    entry.next = next
    void server.close().then(() => {
      this.#entries.delete(keyOf(server.address))
      this.subscribe(server.address, [...next.values()])
    })
  }

  async #pumpEvents(): Promise<void> {
    for await (const { server, entityId: notifierId, message } of this.#pool.events) {
      const key = keyOf(server.address)
      if (message.tag === 'NMSG') {
        const { nonce, encMeta } = message
        this.#buffer.push({ type: 'notification', server: key, notifierId, nonce, encMeta })
      } else if (message.tag === 'END') this.#buffer.push({ type: 'ended', server: key, notifierId })
      else if (message.tag === 'DELD') this.#buffer.push({ type: 'deleted', server: key, notifierId })
      else if (message.tag === 'ENDS') {
        const entry = this.#entries.get(key)
        if (entry) entry.settled = undefined
        this.#buffer.push({ type: 'serviceEnded', server: key })
      }
      await this.#buffer.room()
    }
  }

  async #pumpStatus(): Promise<void> {
    for await (const { server, status, reason, lostSessions } of this.#pool.status) {
      if (server.userId === probeUser) continue
      const key = keyOf(server.address)
      const entry = this.#entries.get(key)
      const orderly = lostSessions === (entry?.server === server ? entry.lost : 0)
      if (entry?.server === server) entry.lost = lostSessions
      // A session may have gone and come back before we looked.
      if (status === 'down' || !orderly) {
        this.#buffer.push({ type: 'down', server: key, orderly, reason: reasonOf(reason) })
      }
      const serviceId = server.session?.session.service?.serviceId ?? null
      if (status === 'up') this.#buffer.push({ type: 'up', server: key, serviceId })
    }
  }

  async #pumpOutcomes(): Promise<void> {
    for await (const outcome of this.#pool.outcomes) {
      const { server } = outcome
      const key = keyOf(server.address)
      const entry = this.#entries.get(key)
      const event = eventOf(outcome)
      if (event && (!entry || isNews(event, entry.awaited))) this.#buffer.push(event)
      if (entry?.server === server) {
        if (outcome.result === 'error') this.#closeIfIdle(entry)
        const { session } = server
        if (session && session !== entry.settled && !server.tables.notifications.hasWork) {
          entry.settled = session
          this.#buffer.push({ type: 'settled', server: key })
        }
      }
      await this.#buffer.room()
    }
  }
}

const keyOf = ({ keyHash }: ServerAddress): string => toBase64url(keyHash)

const queueOf = ({ notifierId, notifierKey, serviceId = null }: Notifier) => ({
  id: notifierId,
  key: notifierKey,
  serviceId,
})

/** `END` and `DELD` come as events, in their order with notifications; what is pending is tried again by the pool. */
function eventOf(outcome: SubscriptionOutcome): SubscriberEvent | undefined {
  const { id: notifierId, result, error, serviceId } = outcome
  const server = keyOf(outcome.server.address)
  if (result === 'ok') return { type: 'subscribed', server, notifierId, serviceId }
  if (result !== 'error' || !error) return undefined
  return { type: 'refused', server, notifierId, code: codeOf(error) }
}

/** A hundred thousand queues that are subscribed again after a reconnection need not be looked up for it. */
function isNews(event: SubscriberEvent, awaited: Set<string>): boolean {
  if (event.type !== 'subscribed') return true
  const id = toBase64url(event.notifierId)
  if (event.serviceId === null) return awaited.delete(id)
  awaited.add(id)
  return true
}

function ignoreClosed(error: unknown): void {
  if (!(error instanceof SmpClientError) || error.code !== 'CLOSED') throw error
}
