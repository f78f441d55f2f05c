// The store contract in memory: for tests and demonstrations, where nothing has to survive the process.
import { toBase64url } from '@smpkit/encoding'
import {
  type AnswerRow,
  type ClientRow,
  type DeadLetter,
  deviceKey,
  type NotificationRow,
  type OutboxRow,
  queueKey,
  type ServerRow,
  type SubscriptionRow,
  type TokenRow,
  type TombstoneRow,
  tokenDueAt,
} from './rows.js'
import type { Changes, Decision, DueRows, NotificationStore, PageOptions, PageRows, Rows, Selection } from './store.js'
import { Table } from './table.js'

const maxDeadLetters = 1000
const none: readonly never[] = []
const bySeq = (a: NotificationRow, b: NotificationRow) => a.seq - b.seq

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
  readonly #answers = new Table<AnswerRow, 'owner'>((row) => row.id, { owner: (row) => row.owner })
  readonly #clients = new Table<ClientRow>((row) => row.owner, {})
  readonly #tombstones = new Table<TombstoneRow>((row) => row.id, {})
  #settle = (_why: Error | undefined) => {}
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

  async due<K extends keyof DueRows>(table: K, now: number, limit: number): Promise<readonly DueRows[K][]> {
    this.#requireOpen()
    const due = {
      subscriptions: () =>
        earliest(this.#subscriptions.values(), (row) => row.nextAt ?? Number.POSITIVE_INFINITY, now, limit),
      tokens: () => earliest(this.#tokens.values(), tokenDueAt, now, limit),
      clients: () => earliest(this.#clients.values(), (row) => row.checkAt, now, limit),
      tombstones: () => earliest(this.#tombstones.values(), (row) => row.at, now, limit),
      answers: () =>
        earliest(
          [...this.#answers.values()].filter(({ state }) => state === 'sent'),
          (row) => row.at,
          now,
          limit,
        ),
    }
    return due[table]() as unknown as readonly DueRows[K][]
  }

  async page<K extends keyof PageRows>(
    table: K,
    { after = '', limit, server, owner, owed }: PageOptions,
  ): Promise<readonly PageRows[K][]> {
    this.#requireOpen()
    const tables = {
      tokens: this.#tokens,
      subscriptions: this.#subscriptions,
      outbox: this.#outbox,
      servers: this.#servers,
      answers: this.#answers,
      clients: this.#clients,
      tombstones: this.#tombstones,
    } as const
    const of = tables[table] as unknown as Table<PageRows[K]>
    const rows = Array.from(of.values()).filter((row) => {
      const one = row as unknown as Partial<SubscriptionRow & AnswerRow>
      if (of.keyOf(row) <= after) return false
      if (server !== undefined && one.server !== server) return false
      if (owner !== undefined && one.owner !== owner) return false
      return owed !== true || (one as Partial<AnswerRow>).state !== 'sent'
    })
    return rows.sort((a, b) => (of.keyOf(a) < of.keyOf(b) ? -1 : 1)).slice(0, limit)
  }

  readonly closed = new Promise<Error | undefined>((resolve) => {
    this.#settle = resolve
  })

  async deadLetters(limit: number): Promise<readonly DeadLetter[]> {
    this.#requireOpen()
    return this.#deadLetters.slice(-limit).reverse()
  }

  async swapClean(clean: boolean): Promise<boolean> {
    this.#requireOpen()
    const before = this.#clean
    this.#clean = clean
    return before
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#settle(undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #requireOpen(): void {
    if (this.#closed) throw new StoreClosedError()
  }

  #select({
    tokens,
    subscriptions,
    notifications,
    outbox,
    servers,
    usedServers,
    answers,
    clients,
    tombstones,
    countsOf,
  }: Selection): Rows {
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
      usedServers: usedServers?.filter((key) => this.#subscriptions.count('server', key) > 0) ?? none,
      answers: [
        ...(answers?.id?.flatMap((id) => this.#answers.get(id) ?? []) ?? none),
        ...(answers?.owner?.flatMap((owner) => [...this.#answers.find('owner', owner)]) ?? none),
      ],
      clients: clients?.owner?.flatMap((owner) => this.#clients.get(owner) ?? []) ?? none,
      tombstones: tombstones?.id?.flatMap((id) => this.#tombstones.get(id) ?? []) ?? none,
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
    for (const token of oldest?.tokens ?? none)
      add(rows, ...[...this.#notifications.find('token', token)].sort(bySeq).slice(0, oldest?.limit))
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
    for (const id of remove?.servers ?? []) this.#servers.remove(id)
    for (const id of remove?.answers ?? []) this.#answers.remove(id)
    for (const id of remove?.clients ?? []) {
      for (const row of [...this.#answers.find('owner', id)]) this.#answers.remove(row.id)
      this.#clients.remove(id)
    }
    for (const id of remove?.tombstones ?? []) this.#tombstones.remove(id)
    for (const row of changes.tokens ?? []) this.#tokens.put(row)
    for (const row of changes.subscriptions ?? []) {
      this.#subscriptions.put(row)
      this.#queues.set(queueOf(row), row.id)
    }
    for (const row of changes.notifications ?? []) this.#notifications.put(row)
    for (const row of changes.outbox ?? []) this.#outbox.put(row)
    for (const row of changes.outboxIfAbsent ?? []) if (!this.#outbox.get(row.id)) this.#outbox.put(row)
    for (const row of changes.servers ?? []) this.#servers.put(row)
    for (const row of changes.answers ?? []) this.#answers.put(row)
    for (const row of changes.clients ?? []) this.#clients.put(row)
    for (const row of changes.tombstones ?? []) this.#tombstones.put(row)
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
    if (row) this.#queues.delete(queueOf(row))
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
