// The SMP side of the notification server, made from a pool of sessions.
import { toBase64url } from '@smpkit/encoding'
import { type PooledServer, SmpClientError, type SmpPool, type SubscriptionOutcome } from '@smpkit/smp-client'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { EventBuffer } from './event-buffer.js'
import type { Notifier, SmpSubscriber, SubscriberEvent } from './subscriber.js'

/** Connections of this user only try whether a server is there. */
const probeUser = 'probe'

/** Takes the pool over: nobody else may read its streams, and closing the subscriber closes it. */
export function poolSubscriber(pool: SmpPool): SmpSubscriber {
  return new PoolSubscriber(pool)
}

class PoolSubscriber implements SmpSubscriber {
  readonly events: AsyncIterable<readonly SubscriberEvent[]>
  readonly #pool: SmpPool
  readonly #buffer = new EventBuffer<SubscriberEvent>()
  /** Lost sessions that were told of. */
  readonly #lost = new WeakMap<PooledServer, number>()
  readonly #closing = new Map<PooledServer, Promise<void>>()
  readonly #pumps: Promise<unknown>

  constructor(pool: SmpPool) {
    this.#pool = pool
    this.events = this.#buffer
    this.#pumps = Promise.all([this.#pumpEvents(), this.#pumpStatus(), this.#pumpOutcomes()]).finally(() =>
      this.#buffer.end(),
    )
  }

  subscribe(address: ServerAddress, notifiers: readonly Notifier[]): void {
    const queues = notifiers.map(({ notifierId, notifierKey }) => ({ id: notifierId, key: notifierKey }))
    this.#open(() => {
      const server = this.#pool.server(address)
      const closing = this.#closing.get(server)
      if (closing) return closing.then(() => this.subscribe(address, notifiers))
      // What becomes of it comes as outcomes; it rejects only after close.
      return server.subscribe('notifications', queues).catch(ignoreClosed)
    })
  }

  unsubscribe(address: ServerAddress, notifierIds: readonly Uint8Array[]): void {
    this.#open(() => {
      const server = this.#pool.server(address)
      server.unsubscribe('notifications', notifierIds)
      this.#closeIfIdle(server)
    })
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

  /** A closed pool takes no work; what is in the store is taken up at the next start. */
  #open(work: () => unknown): void {
    try {
      void work()
    } catch (error) {
      ignoreClosed(error)
    }
  }

  /** Clients choose the servers: a connection that serves nobody does not stay. */
  #closeIfIdle(server: PooledServer): void {
    if (server.tables.notifications.size > 0 || this.#closing.has(server)) return
    const closed = server.close().finally(() => this.#closing.delete(server))
    this.#closing.set(server, closed)
  }

  async #pumpEvents(): Promise<void> {
    for await (const { server, entityId: notifierId, message } of this.#pool.events) {
      const key = keyOf(server)
      if (message.tag === 'NMSG') {
        const { nonce, encMeta } = message
        this.#buffer.push({ type: 'notification', server: key, notifierId, nonce, encMeta })
      } else if (message.tag === 'END') this.#buffer.push({ type: 'ended', server: key, notifierId })
      else if (message.tag === 'DELD') this.#buffer.push({ type: 'deleted', server: key, notifierId })
      else if (message.tag === 'ENDS') this.#buffer.push({ type: 'serviceEnded', server: key })
      await this.#buffer.room()
    }
  }

  async #pumpStatus(): Promise<void> {
    for await (const { server, status, reason, lostSessions } of this.#pool.status) {
      if (server.userId === probeUser) continue
      const key = keyOf(server)
      const orderly = lostSessions === (this.#lost.get(server) ?? 0)
      this.#lost.set(server, lostSessions)
      // A session may have gone and come back before we looked.
      if (status === 'down' || !orderly) {
        this.#buffer.push({ type: 'down', server: key, orderly, reason: reason?.code ?? 'CLOSED' })
      }
      if (status === 'up') this.#buffer.push({ type: 'up', server: key })
    }
  }

  async #pumpOutcomes(): Promise<void> {
    for await (const outcome of this.#pool.outcomes) {
      const event = eventOf(outcome)
      if (event) this.#buffer.push(event)
      const { server } = outcome
      if (outcome.result === 'error') this.#closeIfIdle(server)
      if (server.session && !server.tables.notifications.hasWork)
        this.#buffer.push({ type: 'settled', server: keyOf(server) })
      await this.#buffer.room()
    }
  }
}

const keyOf = ({ address }: PooledServer): string => toBase64url(address.keyHash)

/** `END` and `DELD` come as events, in their order with notifications; what is pending is tried again by the pool. */
function eventOf({
  server,
  id: notifierId,
  result,
  error,
  serviceId,
}: SubscriptionOutcome): SubscriberEvent | undefined {
  if (result === 'ok') return { type: 'subscribed', server: keyOf(server), notifierId, serviceId }
  if (result !== 'error' || !error) return undefined
  return { type: 'refused', server: keyOf(server), notifierId, code: error.code }
}

function ignoreClosed(error: unknown): void {
  if (!(error instanceof SmpClientError) || error.code !== 'CLOSED') throw error
}
