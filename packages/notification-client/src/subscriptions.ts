// Spec 30 §5, 23 §6: the notification server knows the notifiers of all connections that want it, and no others.
import { toBase64url } from '@smpkit/encoding'
import {
  type ItemAnswer,
  maxIdsAtOnce,
  maxSubscriptionsAtOnce,
  type SubscriptionItem,
  type SubscriptionQuery,
  type SubscriptionRequest,
  type TokenState,
} from '@smpkit/service-protocol/notification'
import { type ConnectionId, type NotifierCredentials, RequestError, type SmpAgent } from '@smpkit/smp-agent'
import { serverAddressToText } from '@smpkit/smp-commands/address'
import { NotificationClientError } from './errors.js'
import { idOf } from './registration.js'
import type { ServiceConnection } from './service-connection.js'
import type { QueueRecord, Records } from './state.js'
import { subscriptionsHash } from './subscriptions-hash.js'

export interface SubscriptionsOptions {
  readonly agent: SmpAgent
  readonly records: Records
  readonly connection: ServiceConnection
  /** Seconds that the server may wait for SMP servers before it answers. */
  readonly wait: number
  readonly now: () => number
  readonly signal: AbortSignal
  /** Counts have changed. */
  readonly onChange: () => void
}

/** Characters of one request: together with the rest it fits a message with post-quantum keys. */
const maxLength = 12_000
/** A notifier that was replaced is left alone for so long, in milliseconds: two devices on one queue would take it from each other for ever. */
const renewalPause = 3_600_000
/** What an honest server lists is far less. */
const maxListed = 100_000
/** A subscription that is over for the server, and is begun anew with another notifier. */
const over = ['ended', 'auth', 'deleted'] as const

export interface Outcome {
  /** The server does not know the token. */
  readonly tokenUnknown: boolean
  /** Why some were refused, of which nothing can be made for now. */
  readonly problem: NotificationClientError | null
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #queues: Map<ConnectionId, QueueRecord>
  readonly #renewedAt = new Map<ConnectionId, number>()
  #wanted = 0

  private constructor(options: SubscriptionsOptions, queues: Map<ConnectionId, QueueRecord>) {
    this.#options = options
    this.#queues = queues
  }

  static async restore(options: SubscriptionsOptions): Promise<Subscriptions> {
    return new Subscriptions(options, await options.records.queues.all())
  }

  get counts(): { readonly wanted: number; readonly subscribed: number } {
    return { wanted: this.#wanted, subscribed: this.#known().length }
  }

  /** The server has lost them all. */
  async forgetAll(): Promise<void> {
    for (const connection of [...this.#queues.keys()]) await this.#drop(connection)
  }

  /** Renewals that an earlier process has begun. */
  async finishRenewals(): Promise<void> {
    for (const connection of (await this.#options.records.renewals.all()).keys()) await this.#switchOn(connection)
  }

  /** Tells the server what has changed. `isActive`: the token was verified, so that what is taken stays so. */
  async sync(token: string, isActive: boolean): Promise<Outcome> {
    const wanted = await this.#wantedNow()
    const stale: string[] = []
    for (const [connection, { id, notifierId }] of [...this.#queues]) {
      if (wanted.get(connection)?.notifierId === notifierId) continue
      if (id === null) await this.#drop(connection)
      else stale.push(connection)
    }
    for (const some of chunks(stale, maxIdsAtOnce)) await this.#unsubscribe(some)
    const missing = [...wanted].filter(([connection]) => !this.#queues.get(connection)?.id)
    const all = missing.map(([connection, one]) => ({ connection, one, request: requestOf(one.credentials, token) }))
    let outcome: Outcome = { tokenUnknown: false, problem: null }
    for (const some of batches(all)) {
      outcome = await this.#subscribe(some, { isActive, outcome })
      if (outcome.tokenUnknown) break
    }
    return outcome
  }

  /** Whether both sides agreed; what does not fit is repaired by the next `sync`. */
  async repair({ subscriptions }: TokenState): Promise<boolean> {
    const known = this.#known()
    if (subscriptions.count === known.length && subscriptions.hash === subscriptionsHash(known)) return true
    const there = new Set<string>()
    for await (const { id } of this.#list({})) there.add(id)
    const ours = new Set(known.map(({ id }) => id))
    const strangers = [...there].filter((id) => !ours.has(id))
    for (const ids of chunks(strangers, maxIdsAtOnce)) await this.#delete(ids)
    const lost = known.filter(({ id }) => id !== null && !there.has(id))
    // Where ids agree, it is what they stand for that does not: the server is told again of each.
    const again = new Set(lost.length + strangers.length > 0 ? lost : known)
    for (const [connection, queue] of this.#queues) if (again.has(queue)) await this.#drop(connection)
    return false
  }

  /** Replaces the notifiers of subscriptions that have come to an end at the server. */
  async revive(): Promise<void> {
    const connections = new Map([...this.#queues].map(([connection, { id }]) => [id, connection]))
    for (const status of over) {
      for await (const { id } of this.#list({ status })) {
        const connection = connections.get(id)
        if (connection !== undefined) await this.#renew(connection)
      }
    }
  }

  #known(): QueueRecord[] {
    return [...this.#queues.values()].filter(({ id }) => id !== null)
  }

  async #wantedNow() {
    const { agent, connection } = this.#options
    const wanted = new Map<ConnectionId, { readonly notifierId: string; readonly credentials: NotifierCredentials }>()
    for await (const page of agent.allNotifiers()) {
      for (const credentials of page) {
        if (connection.has(credentials.connection)) continue
        wanted.set(credentials.connection, { notifierId: toBase64url(credentials.notifierId), credentials })
      }
    }
    this.#wanted = wanted.size
    this.#options.onChange()
    return wanted
  }

  async #unsubscribe(connections: readonly ConnectionId[]): Promise<void> {
    await this.#delete(connections.flatMap((connection) => this.#queues.get(connection)?.id ?? []))
    for (const connection of connections) await this.#drop(connection)
  }

  /** What is not there any more need not be deleted. */
  async #delete(ids: readonly string[]): Promise<void> {
    await this.#ask((ask, options) => ask('delete', '/ntf/subscriptions', [...ids], options))
  }

  async #subscribe(
    batch: readonly Item[],
    { isActive, outcome }: { readonly isActive: boolean; readonly outcome: Outcome },
  ): Promise<Outcome> {
    const { wait } = this.#options
    const requests = batch.map(({ request }) => ({ ...request, wait }))
    const { data } = await this.#ask((ask, options) => ask('post', '/ntf/subscriptions', requests, options))
    if (!Array.isArray(data) || data.length !== batch.length) {
      throw new NotificationClientError('SERVICE', 'expected an answer for each subscription, got other ones')
    }
    let result = outcome
    for (const [i, { connection, one }] of batch.entries()) {
      const answer: ItemAnswer | undefined = data[i]
      const id = subscriptionIdOf(answer)
      const keyHash = toBase64url(one.credentials.server.keyHash)
      if (id !== null) await this.#put(connection, { notifierId: one.notifierId, keyHash, id })
      else result = await this.#refused(connection, answer, { isActive, outcome: result })
    }
    return result
  }

  async #refused(
    connection: ConnectionId,
    answer: ItemAnswer | undefined,
    { isActive, outcome }: { readonly isActive: boolean; readonly outcome: Outcome },
  ): Promise<Outcome> {
    const status = answer?.status
    if (status === 'not_found') return { ...outcome, tokenUnknown: true }
    if (status === 'conflict') {
      // What another connection of ours has is given back when the device is verified for this one.
      if (isActive || reasonOf(answer) === 'auth') await this.#renew(connection)
      return outcome
    }
    const code = status === 'forbidden' || status === 'too_many' ? 'LIMIT' : 'SERVICE'
    const message = 'the notification server does not take all subscriptions'
    return { ...outcome, problem: new NotificationClientError(code, message) }
  }

  /** `NKEY` again. */
  async #renew(connection: ConnectionId): Promise<void> {
    const { agent, records, now } = this.#options
    if (now() - (this.#renewedAt.get(connection) ?? Number.NEGATIVE_INFINITY) < renewalPause) return
    this.#renewedAt.set(connection, now())
    await records.renewals.put(connection, true)
    await agent.setNotifications(connection, false).catch(unlessGone)
    await this.#switchOn(connection)
  }

  async #switchOn(connection: ConnectionId): Promise<void> {
    const { agent, records } = this.#options
    await agent.setNotifications(connection, true).catch(unlessGone)
    await records.renewals.remove(connection)
  }

  async *#list(query: Omit<SubscriptionQuery, 'after'>): AsyncGenerator<SubscriptionItem> {
    let listed = 0
    for (let after: string | undefined; ; ) {
      const { data } = await this.#ask((ask, options) =>
        ask('get', '/ntf/subscriptions', undefined, { query: { ...query, ...(after && { after }) }, ...options }),
      )
      listed += data.items.length
      // Pages without items count, too.
      if (++listed > maxListed) throw new NotificationClientError('SERVICE', 'expected a list that ends')
      yield* data.items
      if (data.next === undefined) return
      after = data.next
    }
  }

  #ask<T>(attempt: Parameters<typeof ServiceConnection.prototype.ask<T>>[1]): Promise<T> {
    return this.#options.connection.ask(this.#options.signal, attempt)
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

interface Item {
  readonly connection: ConnectionId
  readonly one: { readonly notifierId: string; readonly credentials: NotifierCredentials }
  readonly request: SubscriptionRequest
}

const requestOf = ({ server, notifierId, notifierKey }: NotifierCredentials, token: string): SubscriptionRequest => ({
  server: serverAddressToText({ ...server, scheme: 'smp', password: null }),
  notifierId: toBase64url(notifierId),
  notifierKey: toBase64url(notifierKey.toDer()),
  token: { id: token },
})

/** As many in each as fit a request. */
function* batches(items: readonly Item[]): Generator<readonly Item[]> {
  let batch: Item[] = []
  let length = 0
  for (const item of items) {
    const { length: more } = JSON.stringify(item.request)
    if (batch.length === maxSubscriptionsAtOnce || (batch.length > 0 && length + more > maxLength)) {
      yield batch
      batch = []
      length = 0
    }
    batch.push(item)
    length += more
  }
  if (batch.length > 0) yield batch
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size)
}

const dataOf = (answer: ItemAnswer | undefined): Readonly<Record<string, unknown>> =>
  typeof answer?.data === 'object' && answer.data !== null ? (answer.data as Record<string, unknown>) : {}

function reasonOf(answer: ItemAnswer | undefined): unknown {
  return dataOf(answer).reason
}

const successes = new Set(['ok', 'created', 'accepted'])

function subscriptionIdOf(answer: ItemAnswer | undefined): string | null {
  const { resource } = dataOf(answer)
  return answer && successes.has(answer.status) && typeof resource === 'string' ? idOf(resource) : null
}

/** The connection was deleted meanwhile. */
function unlessGone(error: unknown): void {
  if (!(error instanceof RequestError) || (error.code !== 'NOT_FOUND' && error.code !== 'PROHIBITED')) throw error
}
