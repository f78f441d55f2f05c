// Spec 30 §5: what becomes of requests to subscribe. Pure functions over rows.
import { type PrivateAuthKey, randomBytes } from '@smpkit/crypto'
import { equalBytes, toBase64url } from '@smpkit/encoding'
import { NotificationServerError } from './errors.js'
import type { Limits } from './limits.js'
import { freshRow } from './outbox-rules.js'
import { ownRow } from './owned.js'
import {
  type ClientRow,
  type NotificationRow,
  type OutboxRow,
  queueKey,
  type ServerRow,
  type SubscriptionRow,
  type TokenRow,
} from './rows.js'
import type { Changes, Rows, Selection } from './store.js'
import type { OwnedSubscriptions } from './subscription-types.js'
import { busy, type Registration, registered, requireVerified } from './token-rules.js'
import { type AddedToken, addedToken, owedVerification } from './tokens.js'

const day = 86_400_000
const maxNotifierId = 255

/** A request to subscribe whose fields fit. */
export interface ReadItem {
  /** Of `queueKey`. */
  readonly queue: string
  readonly server: string
  /** As its owner knows it. */
  readonly address: string
  readonly notifierId: Uint8Array
  readonly notifierKey: PrivateAuthKey
  /** The id of a token, or one that is registered with the subscription. */
  readonly token: string | Registration
}

/** What a request has brought about. */
export interface Planned {
  readonly row: SubscriptionRow
  /** The owner did not have it before. */
  readonly created: boolean
  /** Of a token that came with the subscription. */
  readonly token: AddedToken | null
}

export type PlannedItem = Planned | { readonly error: NotificationServerError }

/** @throws NotificationServerError BAD_REQUEST */
export function requireNotifierId(notifierId: Uint8Array): void {
  if (notifierId.length === 0 || notifierId.length > maxNotifierId) {
    throw new NotificationServerError('BAD_REQUEST', 'notifierId', `expected an id of 1 to ${maxNotifierId} bytes`)
  }
}

export const queueOf = ({ server, notifierId }: Pick<SubscriptionRow, 'server' | 'notifierId'>): string =>
  queueKey(server, toBase64url(notifierId))

/** What `planSubscriptions` looks at; `moving` are those of `movingOf`. */
export function selectionOf(owner: string, items: readonly ReadItem[], moving: readonly string[]): Selection {
  const ids = items.flatMap(({ token }) => (typeof token === 'string' ? [token] : []))
  const isRegistering = items.some(({ token }) => typeof token !== 'string')
  return {
    // Not those of a device: anybody may register it as often as one likes.
    tokens: { id: unique(ids), owner: isRegistering ? [owner] : [] },
    subscriptions: { queue: unique(items.map(({ queue }) => queue)) },
    notifications: { subscription: moving },
    servers: { key: unique(items.map(({ server }) => server)) },
    clients: { owner: [owner] },
    countsOf: owner,
  }
}

/** The ids of subscriptions that may get another token: what is owed for their queues moves too. */
export function movingOf(owner: string, items: readonly ReadItem[], { subscriptions }: Rows): string[] {
  if (subscriptions.length === 0) return []
  const tokens = new Map(items.map(({ queue, token }) => [queue, token]))
  return subscriptions
    .filter((row) => row.owner === owner && tokens.get(queueOf(row)) !== row.token)
    .map(({ id }) => id)
}

/** What `ownSubscriptions` looks at. */
export const selectionOfOwn = (ids: readonly string[]): Selection => ({
  subscriptions: { id: ids, withTokens: true },
  tombstones: { id: ids },
})

/** For each id the row, or why its owner cannot have it: `NOT_FOUND`, `GONE`, or `FORBIDDEN` as long as the token is not verified. */
export function ownSubscriptions(
  { owner, ids }: OwnedSubscriptions,
  { subscriptions, tokens, tombstones }: Rows,
): (SubscriptionRow | NotificationServerError)[] {
  const byId = new Map(subscriptions.map((row) => [row.id, row]))
  const tokensById = new Map(tokens.map((row) => [row.id, row]))
  return ids.map((id) => {
    try {
      const known = byId.get(id)
      const row = ownRow(known ? [known] : [], { owner, id }, 'subscription', tombstones)
      const token = tokensById.get(row.token)
      if (token) requireVerified(token)
      return row
    } catch (error) {
      if (error instanceof NotificationServerError) return error
      throw error
    }
  })
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)]

export interface PlanContext {
  readonly owner: string
  readonly now: number
  readonly limits: Limits
  /** Whether the caller waits for the first answer of the SMP server. */
  readonly awaited: boolean
  /** How many SMP servers an owner of NTF tokens may be the first to name now. */
  readonly newServers: number
}

/** One after the other, each seeing what those before it brought about; what is refused changes nothing. */
export function planSubscriptions(
  items: readonly (ReadItem | { readonly error: NotificationServerError })[],
  rows: Rows,
  context: PlanContext,
): { readonly changes: Changes; readonly planned: readonly PlannedItem[] } {
  const plan = new Plan(rows, context)
  const planned = items.map((item): PlannedItem => {
    if ('error' in item) return item
    try {
      return plan.put(item)
    } catch (error) {
      if (error instanceof NotificationServerError) return { error }
      throw error
    }
  })
  return { changes: plan.changes(), planned }
}

class Plan {
  readonly #context: PlanContext
  readonly #rows: Rows
  readonly #tokens: Map<string, TokenRow>
  readonly #subscriptions: Map<string, SubscriptionRow>
  readonly #servers: Map<string, ServerRow>
  readonly #putTokens = new Map<string, TokenRow>()
  readonly #putSubscriptions = new Map<string, SubscriptionRow>()
  readonly #putServers = new Map<string, ServerRow>()
  readonly #notifications = new Map<string, NotificationRow>()
  readonly #verifications = new Map<string, OutboxRow>()
  readonly #messages = new Map<string, OutboxRow>()
  #client: ClientRow | undefined
  #tokenCount: number
  #subscriptionCount: number

  constructor(rows: Rows, context: PlanContext) {
    this.#context = context
    this.#rows = rows
    this.#tokens = new Map(rows.tokens.map((row) => [row.id, row]))
    this.#subscriptions = new Map(rows.subscriptions.map((row) => [queueOf(row), row]))
    this.#servers = new Map(rows.servers.map((row) => [row.key, row]))
    this.#client = rows.clients[0]
    this.#tokenCount = rows.counts.tokens
    this.#subscriptionCount = rows.counts.subscriptions
  }

  put(item: ReadItem): Planned {
    const known = this.#subscriptions.get(item.queue)
    const { owner } = this.#context
    if (known && known.owner !== owner) {
      throw new NotificationServerError('CONFLICT', 'taken', 'expected a notifier that no other owner has')
    }
    if (known && !equalBytes(known.notifierKey, item.notifierKey.toDer())) {
      throw new NotificationServerError('CONFLICT', 'auth', 'expected the notifier key of the earlier subscription')
    }
    if (!known) this.#requireRoom(item)
    const { row: token, added } = this.#token(item)
    requireVerified(token)
    if (token.ntf) this.#requireNewServer(item)
    if (known && token.ntf && known.token !== token.id) {
      throw new NotificationServerError('CONFLICT', 'taken', 'expected a notifier that no other token has')
    }
    const row = known ? this.#change(known, item, token) : this.#create(item, token)
    return { row, created: !known, token: added }
  }

  changes(): Changes {
    const clients = this.#client && this.#client !== this.#rows.clients[0] ? [this.#client] : []
    return {
      tokens: [...this.#putTokens.values()],
      subscriptions: [...this.#putSubscriptions.values()],
      notifications: [...this.#notifications.values()],
      outbox: [...this.#verifications.values()],
      outboxIfAbsent: [...this.#messages.values()],
      servers: [...this.#putServers.values()],
      clients: this.#putTokens.size > 0 ? busy(clients.length > 0 ? clients : this.#rows.clients) : clients,
    }
  }

  #requireRoom({ server, token }: ReadItem): void {
    const { limits, now } = this.#context
    const isNtf = typeof token === 'string' && this.#tokens.get(token)?.ntf === true
    const max = isNtf ? limits.subscriptionsNtf : limits.subscriptions
    if (this.#subscriptionCount >= max) {
      throw new NotificationServerError('LIMIT', 'subscriptions', `expected at most ${max} subscriptions`, { max })
    }
    const client = this.#client
    if (!client || this.#servers.has(server)) return
    if (now - client.newServersSince < day && client.newServers >= limits.newServers) {
      throw new NotificationServerError('LIMIT', 'servers', `expected at most ${limits.newServers} new servers a day`, {
        max: limits.newServers,
        retryAfter: client.newServersSince + day - now,
      })
    }
  }

  /** Clients of the NTF protocol have no row. */
  #requireNewServer({ server }: ReadItem): void {
    if (this.#servers.has(server) || this.#putServers.size < this.#context.newServers) return
    throw new NotificationServerError('LIMIT', 'servers', 'expected fewer new servers of one owner')
  }

  #token({ token }: ReadItem): { readonly row: TokenRow; readonly added: AddedToken | null } {
    const { owner, now, limits } = this.#context
    if (typeof token === 'string') return { row: ownRow([...this.#tokens.values()], { owner, id: token }), added: null }
    const present = { tokens: [...this.#tokens.values()], count: this.#tokenCount }
    const { row, created } = registered(token, present, now, limits)
    if (created) this.#tokenCount++
    this.#tokens.set(row.id, row)
    this.#putTokens.set(row.id, row)
    // A device that is known to get its pushes need not prove it with every subscription.
    if (row.status !== 'active') this.#verifications.set(row.id, owedVerification(row, now))
    return { row, added: addedToken(row, created) }
  }

  /**
   * The token changes, and what is owed for this queue is owed to it now. The address changes too: a client finds the queue of a push by
   * what it calls the server.
   */
  #change(known: SubscriptionRow, { address }: ReadItem, { id: token, provider }: TokenRow): SubscriptionRow {
    if (known.token === token && known.address === address) return known
    const { now } = this.#context
    const row = { ...known, token, address }
    this.#keep(row)
    if (known.token === token) return row
    for (const one of this.#rows.notifications) {
      if (one.subscription !== row.id) continue
      this.#notifications.set(row.id, { ...one, token })
      this.#messages.set(token, freshRow({ token, kind: 'message', provider }, now))
    }
    return row
  }

  #create(item: ReadItem, token: TokenRow): SubscriptionRow {
    const { owner, now, limits, awaited } = this.#context
    const server = this.#servers.get(item.server) ?? this.#createServer(item)
    const row: SubscriptionRow = {
      id: toBase64url(randomBytes(24)),
      owner,
      token: token.id,
      server: server.key,
      // Very many rows share these texts.
      address: server.address === item.address ? server.address : item.address,
      notifierId: item.notifierId.slice(),
      notifierKey: item.notifierKey.toDer(),
      status: 'pending',
      reason: null,
      updatedAt: now,
      byService: false,
      awaited,
      endedAt: null,
      retries: 0,
      nextAt: now + limits.verifyEvery,
    }
    this.#subscriptionCount++
    this.#keep(row)
    return row
  }

  #keep(row: SubscriptionRow): void {
    this.#subscriptions.set(queueOf(row), row)
    this.#putSubscriptions.set(row.id, row)
  }

  #createServer({ server: key, address }: ReadItem): ServerRow {
    const { now } = this.#context
    const client = this.#client
    if (client) {
      const isNewDay = now - client.newServersSince >= day
      this.#client = isNewDay
        ? { ...client, newServers: 1, newServersSince: now }
        : { ...client, newServers: client.newServers + 1 }
    }
    const row: ServerRow = {
      key,
      address,
      checkOwed: false,
      up: false,
      changedAt: null,
      reason: null,
      serviceCertificate: null,
      serviceKey: null,
      serviceId: null,
    }
    this.#servers.set(key, row)
    this.#putServers.set(key, row)
    return row
  }
}
