// Spec 30 §5, 23 §5, §6: the notification server knows the notifiers of all connections that want it, and no others.
import { toBase64url } from '@smpkit/encoding'
import { type ConnectionId, type NotifierCredentials, RequestError, type SmpAgent } from '@smpkit/smp-agent'
import type { NotificationClientError } from './errors.js'
import type { Registered, ServerSide, TokenCheck } from './server-side.js'
import { isQueueRecord, type NotificationMode, type QueueRecord, type Records, type Slots } from './state.js'

export interface SubscriptionsOptions {
  readonly agent: SmpAgent
  readonly records: Records
  readonly server: ServerSide
  /** Connections to notification servers, which want no notifications. */
  readonly isOwn: (connection: ConnectionId) => boolean
  readonly now: () => number
  /** Counts have changed. */
  readonly onChange: () => void
}

/** A notifier that was replaced is left alone for so long, in milliseconds: two devices on one queue would take it from each other for ever. */
const renewalPause = 3_600_000

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #queues: Map<ConnectionId, QueueRecord>
  readonly #renewedAt = new Map<ConnectionId, number>()
  #mode: NotificationMode
  #wanted = 0

  private constructor(options: SubscriptionsOptions, queues: Map<ConnectionId, QueueRecord>, mode: NotificationMode) {
    this.#options = options
    this.#queues = queues
    this.#mode = mode
  }

  static async restore(options: SubscriptionsOptions): Promise<Subscriptions> {
    const { queues, mode } = options.records
    const all = await queues.all()
    for (const [connection, queue] of all) {
      // Of an earlier version, or broken: the server is told again.
      if (!isQueueRecord(queue)) {
        await queues.remove(connection)
        all.delete(connection)
      }
    }
    return new Subscriptions(options, all, (await mode.get()) ?? 'instant')
  }

  get mode(): NotificationMode {
    return this.#mode
  }

  async setMode(mode: NotificationMode): Promise<void> {
    if (mode === this.#mode) return
    await this.#options.records.mode.put(mode)
    this.#mode = mode
  }

  get counts(): { readonly wanted: number; readonly subscribed: number } {
    return { wanted: this.#wanted, subscribed: this.#queues.size }
  }

  /** The server has lost them all. */
  async forgetAll(): Promise<void> {
    for (const connection of [...this.#queues.keys()]) await this.#drop(connection)
  }

  /** What a server has had becomes worthless: all get another notifier. */
  async renewAll(): Promise<void> {
    const notifiers = await this.#notifiers()
    for (const connection of this.#queues.keys()) if (notifiers.has(connection)) await this.#replaceNotifier(connection)
  }

  /** What an earlier process has begun. */
  async finishRenewals(): Promise<void> {
    await this.#switchOn(this.#options.records.renewals)
  }

  /** Tells the server of an active token what has changed. Why some were refused, of which nothing can be made for now. */
  async sync(record: Registered): Promise<NotificationClientError | null> {
    const { server, records } = this.#options
    const isInstant = this.#mode === 'instant'
    if (isInstant) await this.#switchOn(records.paused)
    const all = await this.#notifiers()
    const wanted = isInstant ? all : new Map<ConnectionId, NotifierCredentials>()
    this.#wanted = wanted.size
    this.#options.onChange()
    const isStale = ([connection, { notifierId }]: readonly [ConnectionId, QueueRecord]) => {
      const notifier = wanted.get(connection)
      return !notifier || toBase64url(notifier.notifierId) !== notifierId
    }
    // First: a server that cannot be told goes on pushing what SMP servers tell it.
    if (!isInstant) await this.#pause(all.keys())
    const stale = [...this.#queues].filter(isStale)
    const ids = stale.map(([, { id }]) => id)
    await server.unsubscribe(record, ids)
    for (const [connection] of stale) await this.#drop(connection)
    const missing = [...wanted.values()].filter(({ connection }) => !this.#queues.has(connection))
    return this.#subscribe(record, missing)
  }

  /** Whether both sides agreed; what does not fit is repaired by the next `sync`. */
  async repair(record: Registered, check: TokenCheck): Promise<boolean> {
    const lost = await this.#options.server.repair(record, check, this.#queues)
    for (const connection of lost ?? []) await this.#drop(connection)
    return lost === null
  }

  /** Replaces the notifiers of subscriptions that have come to an end at the server. */
  async revive(record: Registered): Promise<void> {
    for await (const connection of this.#options.server.over(record, this.#queues)) await this.#renew(connection)
  }

  async #notifiers(): Promise<Map<ConnectionId, NotifierCredentials>> {
    const { agent, isOwn } = this.#options
    const notifiers = new Map<ConnectionId, NotifierCredentials>()
    for await (const page of agent.allNotifiers()) {
      for (const one of page) if (!isOwn(one.connection)) notifiers.set(one.connection, one)
    }
    return notifiers
  }

  async #subscribe(
    record: Registered,
    missing: readonly NotifierCredentials[],
  ): Promise<NotificationClientError | null> {
    let problem: NotificationClientError | null = null
    for await (const [one, result] of this.#options.server.subscribe(record, missing)) {
      const { connection } = one
      if (result.outcome === 'taken') await this.#renew(connection)
      else if (result.outcome === 'refused') problem = result.problem
      else {
        const keyHash = toBase64url(one.server.keyHash)
        await this.#put(connection, { notifierId: toBase64url(one.notifierId), keyHash, id: result.id })
      }
    }
    return problem
  }

  /** `NDEL`: no message causes a push any more, whatever the server does. */
  async #pause(connections: Iterable<ConnectionId>): Promise<void> {
    const { agent, records } = this.#options
    for (const connection of connections) {
      await records.paused.put(connection, true)
      await agent.setNotifications(connection, false).catch(unlessGone)
    }
  }

  async #renew(connection: ConnectionId): Promise<void> {
    const { now } = this.#options
    if (now() - (this.#renewedAt.get(connection) ?? Number.NEGATIVE_INFINITY) < renewalPause) return
    this.#renewedAt.set(connection, now())
    await this.#replaceNotifier(connection)
  }

  /** `NKEY` again. */
  async #replaceNotifier(connection: ConnectionId): Promise<void> {
    const { agent, records } = this.#options
    await records.renewals.put(connection, true)
    await agent.setNotifications(connection, false).catch(unlessGone)
    await agent.setNotifications(connection, true).catch(unlessGone)
    await records.renewals.remove(connection)
  }

  async #switchOn(slots: Slots<true>): Promise<void> {
    for (const connection of (await slots.all()).keys()) {
      await this.#options.agent.setNotifications(connection, true).catch(unlessGone)
      await slots.remove(connection)
    }
  }

  async #put(connection: ConnectionId, queue: QueueRecord): Promise<void> {
    await this.#options.records.queues.put(connection, queue)
    this.#queues.set(connection, queue)
    this.#options.onChange()
  }

  async #drop(connection: ConnectionId): Promise<void> {
    await this.#options.records.queues.remove(connection)
    this.#queues.delete(connection)
    this.#options.onChange()
  }
}

/** The connection was deleted meanwhile. */
function unlessGone(error: unknown): void {
  if (!(error instanceof RequestError) || (error.code !== 'NOT_FOUND' && error.code !== 'PROHIBITED')) throw error
}
