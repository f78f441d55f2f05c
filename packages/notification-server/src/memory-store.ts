// The store contract in memory: for tests and demonstrations, where nothing has to survive the process.
import { toBase64url } from '@smpkit/encoding'
import {
  type DeadLetter,
  deviceKey,
  type NotificationRow,
  type OutboxRow,
  queueKey,
  type ServerRow,
  type SubscriptionRow,
  type TokenRow,
  tokenDueAt,
} from './rows.js'
import type { Changes, Decision, NotificationStore, PageRows, Rows, Selection, StoreCounts } from './store.js'
import { Table } from './table.js'

const maxDeadLetters = 1000
const none: readonly never[] = []
const bySeq = (a: NotificationRow, b: NotificationRow) => a.seq - b.seq

/** Walks that are remembered; others sort again. */
const maxWalks = 8

const queueOf = (row: SubscriptionRow) => queueKey(row.server, toBase64url(row.notifierId))

/** A store in memory. It may be handed to a second server after the first one ended, however that ended. */
export function memoryStore(): NotificationStore {
  return new MemoryStore()
}

class MemoryStore implements NotificationStore {
  readonly #tokens = new Table<TokenRow, 'owner' | 'device'>((row) => row.id, {
    owner: (row) => row.owner,
    device: (row) => deviceKey(row.provider, row.deviceToken),
  })
  readonly #subscriptions = new Table<SubscriptionRow, 'owner' | 'token' | 'server'>((row) => row.id, {
    owner: (row) => row.owner,
    token: (row) => row.token,
    server: (row) => row.server,
  })
  /** Ids of subscriptions. */
  readonly #queues = new Map<string, string>()
  readonly #notifications = new Table<NotificationRow, 'token'>((row) => row.subscription, {
    token: (row) => row.token,
  })
  readonly #outbox = new Table<OutboxRow, 'token'>((row) => row.id, { token: (row) => row.token })
  readonly #servers = new Table<ServerRow>((row) => row.key, {})
  /** What is left of walks over pages, so that not every page sorts all keys. */
  readonly #walks = new Map<string, string[]>()
  #deadLetters: DeadLetter[] = []
  #clean = true
  #closed = false

  async read(selection: Selection): Promise<Rows> {
    this.#requireOpen()
    return this.#select(selection)
  }

  async atomic<T>(selection: Selection, change: (rows: Rows) => Decision<T>): Promise<T> {
    this.#requireOpen()
    const { changes, result } = change(this.#select(selection))
    this.#apply(changes)
    return result
  }

  async dueSubscriptions(now: number, limit: number): Promise<readonly SubscriptionRow[]> {
    this.#requireOpen()
    return earliest(this.#subscriptions.values(), (row) => row.nextAt ?? Number.POSITIVE_INFINITY, now, limit)
  }

  async dueTokens(now: number, limit: number): Promise<readonly TokenRow[]> {
    this.#requireOpen()
    return earliest(this.#tokens.values(), tokenDueAt, now, limit)
  }

  async page<K extends keyof PageRows>(
    table: K,
    { after = '', limit, server }: { readonly after?: string; readonly limit: number; readonly server?: string },
  ): Promise<readonly PageRows[K][]> {
    this.#requireOpen()
    const tables = { subscriptions: this.#subscriptions, outbox: this.#outbox, servers: this.#servers }
    const rowsOf = tables[table] as unknown as Table<PageRows[K]>
    const walk = (key: string) => JSON.stringify([table, server, key])
    const known = this.#walks.get(walk(after))
    this.#walks.delete(walk(after))
    const keys = known ?? this.#keysAfter(rowsOf, after, server)
    const rows: PageRows[K][] = []
    let taken = 0
    while (taken < keys.length && rows.length < limit) {
      const row = rowsOf.get(keys[taken++] as string)
      if (row !== undefined) rows.push(row)
    }
    if (taken < keys.length) {
      this.#walks.set(walk(keys[taken - 1] as string), keys.slice(taken))
      const [oldest] = this.#walks.keys()
      if (this.#walks.size > maxWalks && oldest !== undefined) this.#walks.delete(oldest)
    }
    return rows
  }

  #keysAfter<R>(table: Table<R>, after: string, server: string | undefined): string[] {
    const keys =
      server === undefined
        ? Array.from(table.values(), (row) => table.keyOf(row))
        : Array.from(this.#subscriptions.find('server', server), (row) => row.id)
    return keys.filter((key) => key > after).sort()
  }

  async deadLetters(limit: number): Promise<readonly DeadLetter[]> {
    this.#requireOpen()
    return this.#deadLetters.slice(-limit).reverse()
  }

  async counts(): Promise<StoreCounts> {
    this.#requireOpen()
    return {
      tokens: countBy(this.#tokens.values(), (row) => row.status),
      subscriptions: countBy(this.#subscriptions.values(), (row) => row.status),
      outbox: countBy(this.#outbox.values(), (row) => row.kind),
    }
  }

  async swapClean(clean: boolean): Promise<boolean> {
    this.#requireOpen()
    const before = this.#clean
    this.#clean = clean
    return before
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #requireOpen(): void {
    if (this.#closed) throw new StoreClosedError()
  }

  #select({ tokens, subscriptions, notifications, outbox, servers, countsOf }: Selection): Rows {
    const found = subscriptions ? this.#selectSubscriptions(subscriptions) : none
    return {
      tokens:
        tokens || subscriptions?.withTokens
          ? this.#selectTokens(tokens ?? {}, subscriptions?.withTokens ? found : none)
          : none,
      subscriptions: found,
      notifications: notifications ? this.#selectNotifications(notifications) : none,
      outbox: outbox?.id?.flatMap((id) => this.#outbox.get(id) ?? []) ?? none,
      servers: servers?.key?.flatMap((key) => this.#servers.get(key) ?? []) ?? none,
      counts: {
        tokens: countsOf === undefined ? 0 : this.#tokens.count('owner', countsOf),
        subscriptions: countsOf === undefined ? 0 : this.#subscriptions.count('owner', countsOf),
      },
    }
  }

  #selectTokens(
    { id = none, owner = none, device = none }: NonNullable<Selection['tokens']>,
    ofSubscriptions: readonly SubscriptionRow[],
  ): TokenRow[] {
    const rows = new Set<TokenRow>()
    for (const key of id) add(rows, this.#tokens.get(key))
    for (const key of owner) add(rows, ...this.#tokens.find('owner', key))
    for (const key of device) add(rows, ...this.#tokens.find('device', key))
    for (const { token } of ofSubscriptions) add(rows, this.#tokens.get(token))
    return [...rows]
  }

  #selectSubscriptions({
    id = none,
    owner = none,
    queue = none,
    token = none,
  }: NonNullable<Selection['subscriptions']>): SubscriptionRow[] {
    const rows = new Set<SubscriptionRow>()
    for (const key of id) add(rows, this.#subscriptions.get(key))
    for (const key of owner) add(rows, ...this.#subscriptions.find('owner', key))
    for (const key of token) add(rows, ...this.#subscriptions.find('token', key))
    for (const key of queue) add(rows, this.#subscriptions.get(this.#queues.get(key) ?? ''))
    return [...rows]
  }

  #selectNotifications({ subscription = none, oldest }: NonNullable<Selection['notifications']>): NotificationRow[] {
    const rows = new Set<NotificationRow>()
    for (const id of subscription) add(rows, this.#notifications.get(id))
    if (oldest) add(rows, ...[...this.#notifications.find('token', oldest.token)].sort(bySeq).slice(0, oldest.limit))
    return [...rows].sort(bySeq)
  }

  #apply(changes: Changes): void {
    const { remove } = changes
    for (const row of changes.subscriptions ?? []) {
      const holder = this.#queues.get(queueOf(row))
      if (holder !== undefined && holder !== row.id && !remove?.subscriptions?.includes(holder)) {
        throw new Error('expected one subscription for a queue')
      }
    }
    for (const id of remove?.tokens ?? []) this.#removeToken(id)
    for (const id of remove?.subscriptions ?? []) this.#removeSubscription(id)
    for (const { subscription, seq } of remove?.notifications ?? []) {
      if (this.#notifications.get(subscription)?.seq === seq) this.#notifications.remove(subscription)
    }
    for (const id of remove?.outbox ?? []) this.#outbox.remove(id)
    for (const row of changes.tokens ?? []) this.#tokens.put(row)
    for (const row of changes.subscriptions ?? []) {
      this.#subscriptions.put(row)
      this.#queues.set(queueOf(row), row.id)
    }
    for (const row of changes.notifications ?? []) this.#notifications.put(row)
    for (const row of changes.outbox ?? []) this.#outbox.put(row)
    for (const row of changes.outboxIfAbsent ?? []) if (!this.#outbox.get(row.id)) this.#outbox.put(row)
    for (const row of changes.servers ?? []) this.#servers.put(row)
    this.#deadLetters.push(...(changes.deadLetters ?? []))
    if (this.#deadLetters.length > 2 * maxDeadLetters) this.#deadLetters = this.#deadLetters.slice(-maxDeadLetters)
  }

  #removeToken(id: string): void {
    for (const row of [...this.#subscriptions.find('token', id)]) this.#removeSubscription(row.id)
    for (const row of [...this.#outbox.find('token', id)]) this.#outbox.remove(row.id)
    this.#tokens.remove(id)
  }

  #removeSubscription(id: string): void {
    const row = this.#subscriptions.remove(id)
    this.#notifications.remove(id)
    if (!row) return
    this.#queues.delete(queueOf(row))
    if (this.#subscriptions.count('server', row.server) === 0) this.#servers.remove(row.server)
  }
}

/** The store was closed before. */
export class StoreClosedError extends Error {
  override readonly name = 'StoreClosedError'
  readonly code = 'STORE_CLOSED'
  readonly temporary = false

  constructor() {
    super('expected an open store, got a closed one')
  }
}

function add<R>(set: Set<R>, ...rows: readonly (R | undefined)[]): void {
  for (const row of rows) if (row !== undefined) set.add(row)
}

function earliest<R>(rows: Iterable<R>, timeOf: (row: R) => number, now: number, limit: number): R[] {
  const due: R[] = []
  for (const row of rows) if (timeOf(row) <= now) due.push(row)
  return due.sort((a, b) => timeOf(a) - timeOf(b)).slice(0, limit)
}

function countBy<R, K extends string>(rows: Iterable<R>, keyOf: (row: R) => K): Partial<Record<K, number>> {
  const counts: Partial<Record<K, number>> = {}
  for (const row of rows) counts[keyOf(row)] = (counts[keyOf(row)] ?? 0) + 1
  return counts
}
