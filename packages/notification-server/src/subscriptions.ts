// Spec 30 §5: which queues of which servers wake which tokens.
import { withAlong } from './along.js'
import type { Clock } from './clock.js'
import { NotificationServerError } from './errors.js'
import type { Limits } from './limits.js'
import { type NamedServer, readServer } from './named-server.js'
import { NsubWaits } from './nsub-waits.js'
import type { Outbox } from './outbox.js'
import type { Owned } from './owned.js'
import { RateLimit } from './rate-limit.js'
import type { ServerRow, SubscriptionRow } from './rows.js'
import type { Servers } from './servers.js'
import type { Decision, NotificationStore, Rows } from './store.js'
import {
  movingOf,
  ownSubscriptions,
  type PlannedItem,
  planSubscriptions,
  queueOf,
  type ReadItem,
  requireNotifierId,
  selectionOf,
  selectionOfOwn,
} from './subscription-rules.js'
import type {
  AddedItem,
  AddedSubscription,
  ListOptions,
  NewSubscription,
  NewSubscriptions,
  OwnedSubscriptions,
  RemovedSubscriptions,
  SubscriptionList,
  SubscriptionState,
  Unsettled,
} from './subscription-types.js'
import { tombstonesOf } from './token-rules.js'
import type { Tokens } from './tokens.js'

export interface SubscriptionsOptions {
  readonly store: NotificationStore
  readonly servers: Servers
  readonly tokens: Tokens
  readonly outbox: Outbox
  readonly clock: Clock
  readonly limits: Limits
}

const day = 86_400_000
/** How many rows are read at once where not all of them are given out. */
const pageSize = 500

/** Whether the answer of an SMP server to this one is still to come. */
export const isUnsettled = (item: AddedItem): boolean => 'status' in item && item.status === 'pending'

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #waits: NsubWaits
  /** Taken by all, and looked at for owners of NTF tokens, who have no client row. */
  readonly #newServers: RateLimit

  constructor(options: SubscriptionsOptions) {
    const { clock, limits } = options
    this.#options = options
    this.#waits = new NsubWaits(clock)
    this.#newServers = new RateLimit(clock, limits.newServersNtf, day)
  }

  /**
   * Subscribes a queue's notifier, and waits for the SMP server's answer to `NSUB`: status `active`, or `pending` where there is
   * none within `wait`; then the server goes on trying. The same again from its owner changes nothing but the token.
   * @throws NotificationServerError BAD_REQUEST, NOT_FOUND `token`, LIMIT, CONFLICT `auth` (nothing is kept) or `taken`
   * @throws the reason of `signal`; the subscription stays
   */
  async add({
    owner,
    wait = this.#options.limits.subscribeWait,
    signal,
    ...item
  }: NewSubscription): Promise<AddedSubscription> {
    signal?.throwIfAborted()
    const begun = await this.begin({ owner, items: [item], awaited: wait > 0 })
    const isSettled = wait === 0 || !begun.some(isUnsettled)
    const [added] = isSettled ? begun : await this.settle({ items: begun, wait, signal })
    if (!added || 'error' in added) throw added?.error
    return added
  }

  /** As `add`, for several in one transaction, and without waiting. What is refused of one is its `error`. */
  async begin({ owner, items, awaited, along }: NewSubscriptions): Promise<readonly AddedItem[]> {
    const { servers, tokens } = this.#options
    const places = new Map<string, NamedServer>()
    const read = items.map((item) => this.#read(owner, item, places))
    const planned = await this.#commit(owner, read, awaited, along)
    const rows = planned.flatMap((item) => ('row' in item ? [item] : []))
    for (const { row } of rows) servers.considerMove(row.server, row.address)
    await tokens.touch(owner, [...new Set(rows.map(({ row }) => row.token))])
    return planned.map((item) => this.addedOf(item))
  }

  /** Waits for the answers of the SMP servers to what was begun; what is not answered in time goes on being tried. */
  async settle({ items, wait, signal, along }: Unsettled): Promise<readonly AddedItem[]> {
    const { store, limits } = this.#options
    const ids = items.flatMap((item) => ('id' in item ? [item.id] : []))
    const waiter = this.#waits.begin(ids)
    try {
      const { subscriptions } = await store.read({ subscriptions: { id: ids } })
      const open = new Set(subscriptions.filter(({ status }) => status === 'pending').map(({ id }) => id))
      this.#waits.answered(ids.filter((id) => !open.has(id)))
      await waiter.wait(Math.min(wait, limits.subscribeWait), signal)
    } finally {
      waiter.stop()
    }
    const made = items.flatMap((item) => ('id' in item && item.token?.created ? [item.token.id] : []))
    const selection = { subscriptions: { id: ids, token: made }, tokens: { id: made } }
    return store.atomic(selection, ({ subscriptions, tokens }) => {
      const begun = new Set(ids)
      const present = new Map(subscriptions.map((row) => [row.id, row]))
      const result = items.map((item): AddedItem => {
        if ('error' in item) return item
        const row = present.get(item.id)
        return row ? this.addedOf({ ...item, row }) : { error: refusedKey() }
      })
      const changed = subscriptions
        .filter(({ id, awaited }) => awaited && begun.has(id))
        .map((row) => ({ ...row, awaited: false }))
      // Nothing is kept of what was refused: its owner was not told of the token either.
      const needed = new Set(subscriptions.map(({ token }) => token))
      const unused = tokens.filter(({ id, status }) => status !== 'active' && !needed.has(id)).map(({ id }) => id)
      return withAlong({ changes: { subscriptions: changed, remove: { tokens: unused } }, result }, along, result)
    })
  }

  /** @throws NotificationServerError NOT_FOUND, GONE */
  async get({ owner, id }: Owned): Promise<SubscriptionState> {
    const [state] = await this.getAll({ owner, ids: [id] })
    if (!state || state instanceof NotificationServerError) throw state
    return state
  }

  /** The same for several; for each of them its state, or the error. */
  async getAll({ owner, ids }: OwnedSubscriptions): Promise<readonly (SubscriptionState | NotificationServerError)[]> {
    const { store, tokens } = this.#options
    const rows = await store.read(selectionOfOwn(ids))
    const found = ownSubscriptions({ owner, ids }, rows)
    const known = found.filter(isRow)
    await tokens.touch(owner, [...new Set(known.map(({ token }) => token))])
    return found.map((row) => (row instanceof NotificationServerError ? row : this.#stateOf(row)))
  }

  /** Whose these are; those that are not there are left out. */
  async ownersOf(id: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { subscriptions } = await this.#options.store.read({ subscriptions: { id } })
    return new Map(subscriptions.map((row) => [row.id, row.owner]))
  }

  /** Subscriptions of an owner in the order of their ids, and whether there are more. */
  async list({ owner, status, since = 0, after = '', limit }: ListOptions): Promise<SubscriptionList> {
    const found: SubscriptionState[] = []
    const tokens = new Set<string>()
    const size = status === undefined && since === 0 ? limit + 1 : pageSize
    for (let from = after; found.length <= limit; ) {
      const rows = await this.#options.store.page('subscriptions', { after: from, limit: size, owner })
      for (const row of rows) {
        const state = this.#stateOf(row)
        tokens.add(row.token)
        if ((status === undefined || state.status === status) && state.updatedAt >= since) found.push(state)
      }
      const last = rows.at(-1)
      if (!last || rows.length < size) break
      from = last.id
    }
    await this.#options.tokens.touch(owner, [...tokens])
    return { items: found.slice(0, limit), more: found.length > limit }
  }

  /** Deletes a subscription and its unsent notification. @throws NotificationServerError NOT_FOUND, GONE */
  async remove({ owner, id }: Owned): Promise<void> {
    const [result] = await this.removeAll({ owner, ids: [id] })
    if (result instanceof NotificationServerError) throw result
  }

  /** The same for several; for each of them the error, or `undefined`. */
  async removeAll({
    owner,
    ids,
    along,
  }: RemovedSubscriptions): Promise<readonly (NotificationServerError | undefined)[]> {
    const { store, servers, tokens, clock, limits } = this.#options
    const selection = { ...selectionOfOwn(ids), countsOf: owner }
    const { rows, results } = await store.atomic(selection, (present) => {
      const { counts } = present
      const found = ownSubscriptions({ owner, ids }, present)
      const results = found.map((row) => (row instanceof NotificationServerError ? row : undefined))
      const rows = [...new Set(found.filter(isRow))]
      const changes = {
        tombstones: tombstonesOf(rows, clock.now(), limits.tombstones - counts.tombstones),
        remove: { subscriptions: rows.map((row) => row.id) },
      }
      return withAlong({ changes, result: { rows, results } }, along, results)
    })
    servers.unsubscribe(rows)
    await tokens.touch(owner, [...new Set(rows.map(({ token }) => token))])
    return results
  }

  answered(answers: readonly { readonly id: string }[]): void {
    this.#waits.answered(answers.map(({ id }) => id))
  }

  /** Ends all waits as if their time had passed. */
  close(): void {
    this.#waits.close()
  }

  #read(
    owner: string,
    item: NewSubscriptions['items'][number],
    places: Map<string, NamedServer>,
  ): ReadItem | { readonly error: NotificationServerError } {
    if ('error' in item) return item
    const { notifierId, notifierKey, token } = item
    try {
      const place = readServer(item.server, this.#options.limits, places)
      requireNotifierId(notifierId)
      const queue = queueOf({ ...place, notifierId })
      const device = typeof token === 'string' ? token : this.#options.tokens.registration({ owner, ...token })
      return { ...place, queue, notifierId, notifierKey, token: device }
    } catch (error) {
      if (error instanceof NotificationServerError) return { error }
      throw error
    }
  }

  /** What is to be told of a plan. */
  addedOf(item: PlannedItem): AddedItem {
    return 'error' in item ? item : { ...this.#stateOf(item.row), created: item.created, token: item.token }
  }

  async #commit(
    owner: string,
    items: readonly (ReadItem | { readonly error: NotificationServerError })[],
    awaited: boolean,
    along: NewSubscriptions['along'],
  ): Promise<readonly PlannedItem[]> {
    const { servers, outbox, clock, limits } = this.#options
    const read = items.filter((item): item is ReadItem => !('error' in item))
    const plan = (rows: Rows, moving: readonly string[]): Decision<Committed | Moving> => {
      const ids = movingOf(owner, read, rows)
      if (ids.some((id) => !moving.includes(id))) return { changes: {}, result: { moving: ids } }
      const context = { owner, now: clock.now(), limits, awaited, newServers: this.#newServers.left(owner) }
      const { changes, planned } = planSubscriptions(items, rows, context)
      return withAlong({ changes, result: { planned, serverRows: changes.servers ?? [] } }, along, planned)
    }
    const follow = (result: Committed | Moving) => {
      if ('moving' in result) return
      for (const row of result.serverRows) {
        servers.remember(row)
        this.#newServers.take(owner)
      }
      servers.subscribe(result.planned.flatMap((item) => ('row' in item && item.created ? [item.row] : [])))
    }
    for (let moving: readonly string[] = []; ; ) {
      const result = await outbox.commit(selectionOf(owner, read, moving), (rows) => plan(rows, moving), follow)
      if ('planned' in result) return result.planned
      moving = result.moving
    }
  }

  #stateOf(row: SubscriptionRow): SubscriptionState {
    const { servers } = this.#options
    const { id, status, reason, updatedAt } = row
    if (status !== 'active' || servers.isUp(row.server)) return { id, status, reason, updatedAt }
    const since = servers.downSince(row.server) ?? updatedAt
    return { id, status: 'inactive', reason: 'server down', updatedAt: Math.max(since, updatedAt) }
  }
}

interface Committed {
  readonly planned: readonly PlannedItem[]
  readonly serverRows: readonly ServerRow[]
}

/** Nothing was committed, as these were not read. */
interface Moving {
  readonly moving: readonly string[]
}

const isRow = (one: SubscriptionRow | NotificationServerError): one is SubscriptionRow =>
  !(one instanceof NotificationServerError)

const refusedKey = () =>
  new NotificationServerError('CONFLICT', 'auth', 'expected a notifier key that the SMP server accepts')
