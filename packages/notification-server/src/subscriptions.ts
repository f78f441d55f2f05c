// Spec 30 §5: which queues of which servers wake which tokens.
import { type PrivateAuthKey, randomBytes } from '@smpkit/crypto'
import { equalBytes, toBase64url } from '@smpkit/encoding'
import { parseServerAddress, portOf, type ServerAddress, serverAddressToText } from '@smpkit/smp-commands/address'
import type { Clock } from './clock.js'
import { NotificationServerError } from './errors.js'
import type { Limits } from './limits.js'
import type { Outbox } from './outbox.js'
import { freshRow } from './outbox-rules.js'
import { type Owned, ownRow } from './owned.js'
import { queueKey, type ServerRow, type SubscriptionRow, type SubscriptionStatus } from './rows.js'
import type { Servers } from './servers.js'
import type { Decision, NotificationStore, Rows } from './store.js'
import type { Tokens } from './tokens.js'

export interface NewSubscription {
  readonly owner: string
  /** As the owner knows it: pushes name the queue by this address. As text `smp://…`, without a password. */
  readonly server: ServerAddress | string
  readonly notifierId: Uint8Array
  readonly notifierKey: PrivateAuthKey
  /** The id of a token of the same owner, whatever its status. */
  readonly token: string
  /** For how many milliseconds to wait for the SMP server: 0 to 15,000, which is the default. */
  readonly wait?: number
  readonly signal?: AbortSignal
}

export interface SubscriptionState {
  readonly id: string
  readonly status: SubscriptionStatus
  readonly reason: string | null
  /** When the status changed, in milliseconds. */
  readonly updatedAt: number
}

export interface AddedSubscription extends SubscriptionState {
  /** The owner did not have it before. */
  readonly created: boolean
}

export interface SubscriptionsOptions {
  readonly store: NotificationStore
  readonly servers: Servers
  readonly tokens: Tokens
  readonly outbox: Outbox
  readonly clock: Clock
  readonly limits: Limits
}

const maxNotifierId = 255

/** What adding a subscription wrote. */
interface Committed {
  readonly row: SubscriptionRow
  readonly created: boolean
  readonly serverRow: ServerRow | null
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #waiting = new Map<string, Set<() => void>>()
  #closed = false

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  /**
   * Subscribes a queue's notifier, and waits for the SMP server's answer to `NSUB`: status `active`, or `pending` where there is
   * none within `wait`; then the server goes on trying. The same again from its owner changes nothing but the token.
   * @throws NotificationServerError BAD_REQUEST, NOT_FOUND `token`, LIMIT, CONFLICT `auth` (nothing is kept) or `taken`
   * @throws the reason of `signal`; the subscription stays
   */
  async add(subscription: NewSubscription): Promise<AddedSubscription> {
    const { signal, wait = this.#options.limits.subscribeWait } = subscription
    signal?.throwIfAborted()
    const { servers, tokens, store, limits } = this.#options
    const { row, created } = await this.#commit(subscription)
    // Before NSUB is sent, so that no answer comes too early.
    const waiter = wait > 0 && row.status === 'pending' ? this.#waitFor(row.id) : undefined
    try {
      if (created) servers.subscribe([row])
      servers.considerMove(row.server, row.address)
      await tokens.touch(subscription.owner, [subscription.token])
      await waiter?.wait(Math.min(wait, limits.subscribeWait), signal)
    } finally {
      waiter?.stop()
    }
    const { subscriptions } = await store.read({ subscriptions: { id: [row.id] } })
    const [present] = subscriptions
    if (!present)
      throw new NotificationServerError('CONFLICT', 'auth', 'expected a notifier key that the SMP server accepts')
    return { ...this.#stateOf(present), created }
  }

  /** @throws NotificationServerError NOT_FOUND */
  async get({ owner, id }: Owned): Promise<SubscriptionState> {
    const { subscriptions } = await this.#options.store.read({ subscriptions: { id: [id] } })
    const row = ownRow(subscriptions, { owner, id }, 'subscription')
    await this.#options.tokens.touch(owner, [row.token])
    return this.#stateOf(row)
  }

  /** All subscriptions of an owner. */
  async list(owner: string): Promise<readonly SubscriptionState[]> {
    const { subscriptions } = await this.#options.store.read({ subscriptions: { owner: [owner] } })
    await this.#options.tokens.touch(owner, [...new Set(subscriptions.map(({ token }) => token))])
    return subscriptions.map((row) => this.#stateOf(row))
  }

  /** Deletes a subscription and its unsent notification. @throws NotificationServerError NOT_FOUND */
  async remove({ owner, id }: Owned): Promise<void> {
    const row = await this.#options.store.atomic({ subscriptions: { id: [id] } }, ({ subscriptions }) => {
      const row = ownRow(subscriptions, { owner, id }, 'subscription')
      return { changes: { remove: { subscriptions: [id] } }, result: row }
    })
    this.#options.servers.unsubscribe([row])
    await this.#options.tokens.touch(owner, [row.token])
  }

  /** Whether somebody waits for the first answer. */
  awaited(id: string): boolean {
    return this.#waiting.has(id)
  }

  answered(answers: readonly { readonly id: string }[]): void {
    for (const { id } of answers) for (const resolve of this.#waiting.get(id) ?? []) resolve()
  }

  /** Ends all waits as if their time had passed. */
  close(): void {
    this.#closed = true
    for (const waiters of this.#waiting.values()) for (const resolve of waiters) resolve()
  }

  async #commit(subscription: NewSubscription): Promise<Committed> {
    const { store, servers, outbox, clock, limits } = this.#options
    const { owner, notifierId, token } = subscription
    const { server, address } = readServer(subscription.server, limits)
    if (notifierId.length === 0 || notifierId.length > maxNotifierId) {
      throw new NotificationServerError('BAD_REQUEST', 'notifierId', `expected an id of 1 to ${maxNotifierId} bytes`)
    }
    const queue = { subscriptions: { queue: [queueKey(server, toBase64url(notifierId))] } }
    const before = await store.read(queue)
    const notifications = { subscription: before.subscriptions.map((row) => row.id) }
    const selection = { ...queue, notifications, tokens: { id: [token] }, servers: { key: [server] }, countsOf: owner }
    const done = await outbox.commit(selection, (rows) => {
      const now = clock.now()
      const [known] = rows.subscriptions
      if (known) return putTo(known, subscription, rows, now)
      if (rows.counts.subscriptions >= limits.subscriptions) {
        throw new NotificationServerError(
          'LIMIT',
          'subscriptions',
          `expected at most ${limits.subscriptions} subscriptions`,
        )
      }
      return create(subscription, { server, address, nextAt: now + limits.verifyEvery, updatedAt: now }, rows)
    })
    if (done.serverRow) servers.remember(done.serverRow)
    return done
  }

  #stateOf(row: SubscriptionRow): SubscriptionState {
    const { servers } = this.#options
    const { id, status, reason, updatedAt } = row
    if (status !== 'active' || servers.isUp(row.server)) return { id, status, reason, updatedAt }
    const since = servers.downSince(row.server) ?? updatedAt
    return { id, status: 'inactive', reason: 'server down', updatedAt: Math.max(since, updatedAt) }
  }

  /** From now on the row is one whose answer is awaited, until `stop`. */
  #waitFor(id: string): { wait(milliseconds: number, signal?: AbortSignal): Promise<void>; stop(): void } {
    let resolve = () => {}
    const answer = new Promise<void>((done) => {
      resolve = done
    })
    const waiters = this.#waiting.get(id) ?? new Set()
    this.#waiting.set(id, waiters.add(resolve))
    if (this.#closed) resolve()
    const stop = () => {
      waiters.delete(resolve)
      if (waiters.size === 0 && this.#waiting.get(id) === waiters) this.#waiting.delete(id)
    }
    const wait = async (milliseconds: number, signal?: AbortSignal) => {
      const cancel = this.#options.clock.schedule(resolve, milliseconds)
      signal?.addEventListener('abort', resolve)
      await answer
      cancel()
      signal?.removeEventListener('abort', resolve)
      signal?.throwIfAborted()
    }
    return { wait, stop }
  }
}

/** The same again from its owner: the token changes, and what is owed for this queue is owed to it now. */
function putTo(known: SubscriptionRow, given: NewSubscription, rows: Rows, now: number): Decision<Committed> {
  const { owner, token, notifierKey } = given
  if (known.owner !== owner) {
    throw new NotificationServerError('CONFLICT', 'taken', 'expected a notifier that no other owner has')
  }
  if (!equalBytes(known.notifierKey, notifierKey.toDer())) {
    throw new NotificationServerError('CONFLICT', 'auth', 'expected the notifier key of the earlier subscription')
  }
  const { provider } = ownRow(rows.tokens, { owner, id: token })
  const row = { ...known, token }
  const moved = known.token === token ? [] : rows.notifications.map((one) => ({ ...one, token }))
  return {
    changes: {
      subscriptions: [row],
      notifications: moved,
      outboxIfAbsent: moved.map(() => freshRow({ token, kind: 'message', provider }, now)),
    },
    result: { row, created: false, serverRow: null },
  }
}

function create(
  { owner, token, notifierId, notifierKey }: NewSubscription,
  place: Pick<SubscriptionRow, 'server' | 'address' | 'nextAt' | 'updatedAt'>,
  rows: Rows,
): Decision<Committed> {
  ownRow(rows.tokens, { owner, id: token })
  const serverRow = rows.servers[0] ?? { key: place.server, address: place.address, checkOwed: false }
  // Very many rows share these texts.
  const address = serverRow.address === place.address ? serverRow.address : place.address
  const row: SubscriptionRow = {
    id: toBase64url(randomBytes(24)),
    owner,
    token,
    notifierId: notifierId.slice(),
    notifierKey: notifierKey.toDer(),
    status: 'pending',
    reason: null,
    endedAt: null,
    retries: 0,
    ...place,
    server: serverRow.key,
    address,
  }
  return {
    changes: { subscriptions: [row], servers: [serverRow] },
    result: { row, created: true, serverRow },
  }
}

/** The key of the server, and its address as text. */
function readServer(given: ServerAddress | string, limits: Limits): { server: string; address: string } {
  try {
    const text =
      typeof given === 'string'
        ? given
        : serverAddressToText({ hosts: given.hosts, port: given.port, keyHash: given.keyHash })
    const parsed = parseServerAddress(text, 'smp')
    portOf(parsed)
    const address = serverAddressToText(parsed)
    if (parsed.password === null && parsed.keyHash.length === 32 && address.length <= limits.addressLength) {
      return { server: toBase64url(parsed.keyHash), address }
    }
  } catch (cause) {
    throw new NotificationServerError('BAD_REQUEST', 'server', 'expected the address of an SMP server', { cause })
  }
  const expected = `expected an address of at most ${limits.addressLength} characters with a hash of 32 bytes and no password`
  throw new NotificationServerError('BAD_REQUEST', 'server', expected)
}
