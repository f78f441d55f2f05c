// Spec 30 §5: what a client asks of a server behind a contact link.
import { toBase64url } from '@smpkit/encoding'
import { encodeRequest, newId, ServiceStatusError } from '@smpkit/service-protocol'
import {
  type ItemAnswer,
  maxIdsAtOnce,
  maxSubscriptionsAtOnce,
  type ServiceInfo,
  type SubscriptionItem,
  type SubscriptionQuery,
  type SubscriptionRequest,
} from '@smpkit/service-protocol/notification'
import type { ConnectionId, NotifierCredentials } from '@smpkit/smp-agent'
import { serverAddressToText } from '@smpkit/smp-commands/address'
import { devicePublicKey } from './device-secret.js'
import { NotificationClientError } from './errors.js'
import { Refusal, type RefusalReason } from './refusal.js'
import { chunks, type Registered, type ServerSide, type SubscriptionResult, type TokenCheck } from './server-side.js'
import type { ServiceConnection } from './service-connection.js'
import type { Device, DeviceRecord, QueueRecord } from './state.js'
import { subscriptionsHash } from './subscriptions-hash.js'

export interface ServiceSideOptions {
  readonly connection: ServiceConnection
  /** Seconds that the server may wait for SMP servers before it answers. */
  readonly wait: number
  readonly signal: AbortSignal
}

/** Characters of one request: together with the rest it fits a message with post-quantum keys. */
const maxLength = 12_000
/** What an honest server lists is far less. */
const maxListed = 100_000
/** A subscription that is over for the server, and is begun anew with another notifier. */
const over = ['ended', 'auth', 'deleted'] as const

type Queues = ReadonlyMap<ConnectionId, QueueRecord>

export class ServiceSide implements ServerSide {
  /** The server tells of what comes to an end. */
  readonly nextCheck = Number.POSITIVE_INFINITY
  readonly #options: ServiceSideOptions
  #info: ServiceInfo | undefined

  constructor(options: ServiceSideOptions) {
    this.#options = options
  }

  get address(): string | undefined {
    return this.#options.connection.record?.address
  }

  get isLeaving(): boolean {
    return this.#options.connection.isLeaving
  }

  ensure(address: string): Promise<boolean> {
    const { connection, signal } = this.#options
    return connection.ensure(address, signal)
  }

  async info(): Promise<ServiceInfo> {
    if (this.#info) return this.#info
    const { data } = await this.#ask((ask, options) => ask('get', '/', undefined, options))
    if (!data.versions.includes(1)) {
      throw new NotificationClientError('SERVICE', `expected version 1, the server has ${data.versions.join()}`)
    }
    this.#info = data
    return data
  }

  async register(record: DeviceRecord) {
    const request = { ...record.device, dhKey: toBase64url(devicePublicKey(record).toDer()) }
    // Conflict: the same device with another key, of a state that is lost. A new connection owns nothing, and takes over when it is verified.
    const { data } = await this.#askOfToken((ask, options) => ask('post', '/ntf/tokens', request, options))
    return { id: idOf(data.resource), dhKey: data.dhKey, isActive: data.status === 'active' }
  }

  async replace({ token }: Registered, device: Device): Promise<void> {
    const params = { id: token.id }
    await this.#askOfToken((ask, options) => ask('put', '/ntf/tokens/:id', device, { params, ...options }))
  }

  async verify({ token }: Registered, code: Uint8Array): Promise<boolean> {
    const params = { id: token.id }
    const data = { code: toBase64url(code) }
    try {
      await this.#askOfToken((ask, options) => ask('put', '/ntf/tokens/:id/verification', data, { params, ...options }))
      return true
    } catch (error) {
      if (error instanceof ServiceStatusError && error.status === 'forbidden') return false
      throw error
    }
  }

  async setPeriod({ token }: Registered, minutes: number): Promise<void> {
    const params = { id: token.id }
    await this.#askOfToken((ask, options) =>
      ask('put', '/ntf/tokens/:id/periodic', { minutes }, { params, ...options }),
    )
  }

  async check({ token }: Registered): Promise<TokenCheck> {
    const params = { id: token.id }
    const { data } = await this.#askOfToken((ask, options) =>
      ask('get', '/ntf/tokens/:id', undefined, { params, ...options }),
    )
    return data
  }

  async *subscribe({ token }: Registered, wanted: readonly NotifierCredentials[]) {
    const { wait } = this.#options
    const all = wanted.map((one) => ({ one, request: requestOf(one, token.id) }))
    for (const batch of batches(all)) {
      const requests = batch.map(({ request }) => ({ ...request, wait }))
      const { data } = await this.#ask((ask, options) => ask('post', '/ntf/subscriptions', requests, options))
      if (!Array.isArray(data) || data.length !== batch.length) {
        throw new NotificationClientError('SERVICE', 'expected an answer for each subscription, got other ones')
      }
      for (const [i, { one }] of batch.entries()) yield [one, resultOf(data[i])] as const
    }
  }

  async unsubscribe(_record: Registered, ids: readonly string[]): Promise<void> {
    for (const some of chunks(ids, maxIdsAtOnce)) {
      await this.#ask((ask, options) => ask('delete', '/ntf/subscriptions', [...some], options))
    }
  }

  async *over(_record: Registered, queues: Queues): AsyncGenerator<ConnectionId> {
    const connections = new Map([...queues].map(([connection, { id }]) => [id, connection]))
    for (const status of over) {
      for await (const { id } of this.#list({ status })) {
        const connection = connections.get(id)
        if (connection !== undefined) yield connection
      }
    }
  }

  checkAll(): void {}

  async repair(record: Registered, { subscriptions }: TokenCheck, queues: Queues): Promise<ConnectionId[] | null> {
    const known = [...queues.values()]
    if (subscriptions?.count === known.length && subscriptions.hash === subscriptionsHash(known)) return null
    const there = new Set<string>()
    for await (const { id } of this.#list({})) there.add(id)
    const ours = new Set(known.map(({ id }) => id))
    const strangers = [...there].filter((id) => !ours.has(id))
    await this.unsubscribe(record, strangers)
    const lost = [...queues].filter(([, { id }]) => !there.has(id))
    // Where ids agree, it is what they stand for that does not: the server is told again of each.
    return (lost.length + strangers.length > 0 ? lost : [...queues]).map(([connection]) => connection)
  }

  lose(): Promise<void> {
    return this.#options.connection.lose()
  }

  async leave(record: DeviceRecord | undefined): Promise<void> {
    this.#info = undefined
    const id = record?.token?.id
    const last = id === undefined ? null : ({ id: newId(), method: 'delete', resource: `/ntf/tokens/${id}` } as const)
    await this.#options.connection.leave(last && encodeRequest(last))
  }

  forget(): Promise<void> {
    return this.#options.connection.forget()
  }

  async close(): Promise<void> {
    this.#options.connection.close()
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

  /** Says what an answer means for the registration. */
  async #askOfToken<T>(attempt: Parameters<typeof ServiceConnection.prototype.ask<T>>[1]): Promise<T> {
    try {
      return await this.#ask(attempt)
    } catch (error) {
      const reason = error instanceof ServiceStatusError ? refusals[error.status] : undefined
      throw reason ? new Refusal(reason, error) : error
    }
  }
}

const refusals: Readonly<Partial<Record<string, RefusalReason>>> = {
  not_found: 'unknown',
  gone: 'unknown',
  conflict: 'conflict',
}

/** The id in `/ntf/tokens/…` or `/ntf/subscriptions/…`. */
const idOf = (resource: string): string => resource.slice(resource.lastIndexOf('/') + 1)

const requestOf = ({ server, notifierId, notifierKey }: NotifierCredentials, token: string): SubscriptionRequest => ({
  server: serverAddressToText({ ...server, scheme: 'smp', password: null }),
  notifierId: toBase64url(notifierId),
  notifierKey: toBase64url(notifierKey.toDer()),
  token: { id: token },
})

interface Item {
  readonly one: NotifierCredentials
  readonly request: SubscriptionRequest
}

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

const successes = new Set(['ok', 'created', 'accepted'])

/** @throws Refusal */
function resultOf(answer: ItemAnswer | undefined): SubscriptionResult {
  const { status = '', data } = answer ?? {}
  const resource = typeof data === 'object' && data !== null && 'resource' in data ? data.resource : undefined
  if (successes.has(status) && typeof resource === 'string') return { outcome: 'subscribed', id: idOf(resource) }
  if (status === 'not_found') throw new Refusal('unknown', new ServiceStatusError(status, { reason: 'token' }))
  if (status === 'conflict') return { outcome: 'taken' }
  const code = status === 'forbidden' || status === 'too_many' ? 'LIMIT' : 'SERVICE'
  const message = 'the notification server does not take all subscriptions'
  return { outcome: 'refused', problem: new NotificationClientError(code, message) }
}
