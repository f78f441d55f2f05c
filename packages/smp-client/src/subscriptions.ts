// Spec 04 §6.2, §7.3, §10, 06 §5: what is, or is to be, subscribed at one server.
import { constantTimeEqual, emptyIdsHash, type PrivateAuthKey, xorIdsHash } from '@smpkit/crypto'
import { equalBytes, toMapKey } from '@smpkit/encoding'
import type { ServiceQueues, ServiceRole } from '@smpkit/smp-commands'
import type { SmpError } from './errors.js'
import type { PooledServer } from './pooled-server.js'
import type { Request } from './requests.js'
import type { Waiter } from './waiters.js'

export type SubscriptionKind = 'messages' | 'notifications'

interface KindDefinition {
  readonly kind: SubscriptionKind
  readonly command: { readonly tag: 'SUB' | 'NSUB' }
  readonly serviceTag: 'SUBS' | 'NSUBS'
  readonly role: ServiceRole
}

export const subscriptionKinds: readonly KindDefinition[] = [
  { kind: 'messages', command: { tag: 'SUB' }, serviceTag: 'SUBS', role: 'messaging' },
  { kind: 'notifications', command: { tag: 'NSUB' }, serviceTag: 'NSUBS', role: 'notifier' },
]

/**
 * `ok`: subscribed in the current session. `pending`: not, or not any more; it is tried again. The others are final, the
 * subscription is dropped: `error`: refused. `ended`: another connection took it. `deleted`: the queue or its notifier
 * is gone.
 */
export type SubscriptionResult = 'ok' | 'pending' | 'error' | 'ended' | 'deleted'

/** What becomes of a service's queues when another connection takes its subscription (`ENDS`). */
export type ServiceEnd = 'drop' | 'resubscribe'

export const isFinal = (result: SubscriptionResult): boolean => result !== 'ok' && result !== 'pending'

/** What has become of a subscription. */
export interface SubscriptionOutcome {
  readonly server: PooledServer
  readonly kind: SubscriptionKind
  /** The recipient id for messages, the notifier id for notifications. */
  readonly id: Uint8Array
  readonly result: SubscriptionResult
  /** Why it is not `ok`, where that is known. */
  readonly error: SmpError | undefined
  /** The service that the server counts the queue to: keep it, and give it when you subscribe again. */
  readonly serviceId: Uint8Array | null
}

export function outcomeOf({ table, entityId, result, error, associated }: Subscription): SubscriptionOutcome {
  const { server, definition } = table
  const serviceId = associated ? (table.serviceId ?? null) : null
  return { server, kind: definition.kind, id: entityId, result, error, serviceId }
}

/** There may be very many: no bytes but the key's, no closures. It is the request that subscribes it, too. */
export class Subscription implements Request<{ tag: 'SUB' | 'NSUB' }> {
  result: SubscriptionResult = 'pending'
  /** Why it is not `ok`, where that is known. */
  error: SmpError | undefined
  /** The server counts it to our service: `SUBS` or `NSUBS` subscribes it. */
  associated = false
  waiters: readonly Waiter[] | undefined

  constructor(
    readonly table: SubscriptionTable,
    /** The id as a map key. */
    readonly id: string,
    readonly key: PrivateAuthKey,
  ) {}

  get command(): { readonly tag: 'SUB' | 'NSUB' } {
    return this.table.definition.command
  }

  get entityId(): Uint8Array {
    const { id } = this
    const bytes = new Uint8Array(id.length)
    for (let i = 0; i < bytes.length; i++) bytes[i] = id.charCodeAt(i)
    return bytes
  }
}

/** What `SOKS` says. */
type ServiceAnswer = Pick<ServiceQueues, 'count'> & Partial<ServiceQueues>

const noQueues = (): ServiceQueues => ({ count: 0n, idsHash: emptyIdsHash() })

const xorHashes = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, i) => byte ^ (b[i] ?? 0))

/** The caller may have read it again: the same key is no other subscription. */
function isSameKey(a: PrivateAuthKey, b: PrivateAuthKey): boolean {
  return a === b || (a.algorithm === b.algorithm && constantTimeEqual(a.toRaw(), b.toRaw()))
}

/** The subscriptions of one kind at one server. */
export class SubscriptionTable {
  readonly #all = new Map<string, Subscription>()
  readonly #pending = new Set<Subscription>()
  readonly #onChange: (subscription: Subscription) => void
  #serviceId: Uint8Array | undefined
  #associated = 0
  /** Those that are not `ok`. */
  #associatedWaiting = 0
  #idsHash = emptyIdsHash()
  /** What the server counts to the service besides: queues that were forgotten here, and have not been deleted there. */
  #surplus = noQueues()

  /** `onChange` is called after each result that is new, or that somebody waits for. */
  constructor(
    readonly server: PooledServer,
    readonly definition: KindDefinition,
    onChange: (subscription: Subscription) => void,
  ) {
    this.#onChange = onChange
  }

  get size(): number {
    return this.#all.size
  }

  /** Of the service whose queues are here. */
  get serviceId(): Uint8Array | undefined {
    return this.#serviceId
  }

  /** To be subscribed one by one. Those that are added while it is iterated are visited, too. */
  get pending(): ReadonlySet<Subscription> {
    return this.#pending
  }

  /** Whether something is to be subscribed. */
  get hasWork(): boolean {
    return this.#pending.size > 0 || this.#associatedWaiting > 0
  }

  /** What the service subscription is about; `undefined` where nothing waits for it. */
  get service(): { serviceId: Uint8Array; count: bigint; idsHash: Uint8Array } | undefined {
    if (!this.#serviceId || this.#associatedWaiting === 0) return undefined
    return { serviceId: this.#serviceId, ...this.expected }
  }

  /** What the server is to have of the service. */
  get expected(): ServiceQueues {
    const { count, idsHash } = this.#surplus
    return { count: BigInt(this.#associated) + count, idsHash: xorHashes(this.#idsHash, idsHash) }
  }

  /** Whether the server has what we expect; a server below version 19 tells no hash. */
  isAsExpected({ count, idsHash }: ServiceAnswer): boolean {
    const { expected } = this
    return count === expected.count && (!idsHash || equalBytes(idsHash, expected.idsHash))
  }

  /** All queues are subscribed: what the server counts besides is not ours any more, and to be expected from now on. */
  learnSurplus({ count, idsHash }: ServiceAnswer): void {
    const surplus = count - BigInt(this.#associated)
    const isSurplus = surplus > 0n
    this.#surplus = isSurplus
      ? { count: surplus, idsHash: xorHashes(this.#idsHash, idsHash ?? this.#idsHash) }
      : noQueues()
  }

  get(id: Uint8Array): Subscription | undefined {
    return this.#all.get(toMapKey(id))
  }

  has(subscription: Subscription): boolean {
    return this.#all.get(subscription.id) === subscription
  }

  /** `serviceId`: of the service that the server counts it to, as far as the caller knows. */
  add(id: Uint8Array, key: PrivateAuthKey, serviceId: Uint8Array | null): Subscription {
    const mapKey = toMapKey(id)
    let subscription = this.#all.get(mapKey)
    if (!subscription || !isSameKey(subscription.key, key)) {
      const former = subscription
      if (former) this.#delete(former)
      subscription = new Subscription(this, mapKey, key)
      subscription.waiters = former?.waiters
      this.#all.set(mapKey, subscription)
    }
    // `SUBS` and `NSUBS` would tell nothing of one that is subscribed already.
    if (!serviceId || subscription.result === 'ok') this.#pending.add(subscription)
    else if (!subscription.associated) this.#associate(subscription, serviceId)
    return subscription
  }

  /** Forgets one; the server is not told. */
  remove(subscription: Subscription): void {
    if (!this.has(subscription)) return
    if (subscription.associated) this.#changeSurplus(1n, subscription.entityId)
    this.#delete(subscription)
  }

  /** The server has deleted, or another connection has taken, a queue that was forgotten. */
  forgottenIsGone(id: Uint8Array): void {
    if (this.#surplus.count > 0n) this.#changeSurplus(-1n, id)
  }

  #changeSurplus(change: bigint, id: Uint8Array): void {
    const { count, idsHash } = this.#surplus
    this.#surplus = { count: count + change, idsHash: xorIdsHash(idsHash, id) }
  }

  #delete(subscription: Subscription): void {
    this.#all.delete(subscription.id)
    this.#pending.delete(subscription)
    if (subscription.associated) this.#dissociate(subscription)
  }

  #associate(subscription: Subscription, serviceId: Uint8Array): void {
    if (this.#serviceId && !equalBytes(this.#serviceId, serviceId)) this.dissociateAll()
    if (!this.#serviceId) this.#surplus = noQueues()
    this.#serviceId = serviceId
    subscription.associated = true
    this.#associated++
    this.#idsHash = xorIdsHash(this.#idsHash, subscription.entityId)
    this.#pending.delete(subscription)
    if (subscription.result !== 'ok') this.#associatedWaiting++
  }

  #dissociate(subscription: Subscription): void {
    subscription.associated = false
    this.#associated--
    this.#idsHash = xorIdsHash(this.#idsHash, subscription.entityId)
    if (subscription.result !== 'ok') this.#associatedWaiting--
  }

  /** The service is not what it was: its queues are subscribed one by one. */
  dissociateAll(): void {
    for (const subscription of this.#all.values()) {
      if (!subscription.associated) continue
      this.#dissociate(subscription)
      this.#pending.add(subscription)
    }
    this.#serviceId = undefined
  }

  /** Subscribed, alone or, with the service's id, as one of the service's queues. */
  succeeded(subscription: Subscription, serviceId: Uint8Array | null): void {
    if (!this.has(subscription)) return
    this.#pending.delete(subscription)
    if (subscription.associated) this.#dissociate(subscription)
    if (serviceId) this.#associate(subscription, serviceId)
    this.#set(subscription, 'ok', undefined)
  }

  /** The service is subscribed, and with it all its queues. */
  serviceSucceeded(): void {
    for (const subscription of this.#all.values()) if (subscription.associated) this.#set(subscription, 'ok', undefined)
  }

  /** Not now. */
  servicePostponed(error: SmpError): void {
    for (const subscription of this.#all.values()) {
      if (subscription.associated && subscription.result !== 'ok') this.#set(subscription, 'pending', error)
    }
  }

  /** Not now. */
  postponed(subscription: Subscription, error: SmpError): void {
    if (this.has(subscription)) this.#set(subscription, 'pending', error)
  }

  dropped(subscription: Subscription, result: 'error' | 'ended' | 'deleted', error: SmpError): void {
    if (!this.has(subscription)) return
    this.#delete(subscription)
    this.#set(subscription, result, error)
  }

  dropAll(error: SmpError): void {
    for (const subscription of this.#all.values()) this.dropped(subscription, 'error', error)
  }

  /** Another connection took the service's subscription. */
  serviceEnded(then: ServiceEnd, error: SmpError): void {
    const lost = [...this.#all.values()].filter(({ associated }) => associated)
    if (then === 'resubscribe') this.dissociateAll()
    for (const subscription of lost) {
      if (then === 'drop') this.dropped(subscription, 'ended', error)
      else this.#set(subscription, 'pending', error)
    }
  }

  /** The session is gone, and with it all that was subscribed in it. */
  disconnected(error: SmpError): void {
    for (const subscription of this.#all.values()) {
      if (!subscription.associated) this.#pending.add(subscription)
      this.#set(subscription, 'pending', error)
    }
  }

  #set(subscription: Subscription, result: SubscriptionResult, error: SmpError | undefined): void {
    const isNew = result !== subscription.result || subscription.waiters !== undefined
    if (subscription.associated)
      this.#associatedWaiting += Number(result !== 'ok') - Number(subscription.result !== 'ok')
    subscription.result = result
    subscription.error = error
    if (isNew) this.#onChange(subscription)
  }
}
