// design.md §5: the contract of what keeps the rows. See `table-store.ts` for what implements it.
import type {
  AnswerRow,
  ClientRow,
  DeadLetter,
  NotificationRow,
  OutboxRow,
  ServerRow,
  SubscriptionRow,
  TokenRow,
  TombstoneRow,
} from './rows.js'

/** Which rows are read: those with any of the keys. A row that several keys select comes once. */
export interface Selection {
  readonly tokens?: {
    readonly id?: readonly string[]
    readonly owner?: readonly string[]
    /** Of `deviceKey`. */
    readonly device?: readonly string[]
  }
  readonly subscriptions?: {
    readonly id?: readonly string[]
    readonly owner?: readonly string[]
    /** Of `queueKey`. */
    readonly queue?: readonly string[]
    readonly token?: readonly string[]
    /** Reads the tokens of these subscriptions too. */
    readonly withTokens?: boolean
  }
  readonly notifications?: {
    readonly subscription?: readonly string[]
    /** The first `limit` ones of each of these tokens: all that were sent come before those that were not, each by `seq`. */
    readonly first?: { readonly tokens: readonly string[]; readonly limit: number }
  }
  readonly outbox?: { readonly id?: readonly string[] }
  readonly servers?: { readonly key?: readonly string[] }
  /** Of these keys of servers, which have a subscription. */
  readonly usedServers?: readonly string[]
  readonly answers?: { readonly id?: readonly string[]; readonly owner?: readonly string[] }
  readonly clients?: { readonly owner?: readonly string[] }
  readonly tombstones?: { readonly id?: readonly string[] }
  /** How many tokens, subscriptions and tombstones this owner has. */
  readonly countsOf?: string
}

/** Rows that a selection does not mention are empty lists. Notifications are sorted by `seq`. */
export interface Rows {
  readonly tokens: readonly TokenRow[]
  readonly subscriptions: readonly SubscriptionRow[]
  readonly notifications: readonly NotificationRow[]
  readonly outbox: readonly OutboxRow[]
  readonly servers: readonly ServerRow[]
  readonly usedServers: readonly string[]
  readonly answers: readonly AnswerRow[]
  readonly clients: readonly ClientRow[]
  readonly tombstones: readonly TombstoneRow[]
  readonly counts: { readonly tokens: number; readonly subscriptions: number; readonly tombstones: number }
}

/** Lists put rows, whether there was one of this key or not, unless said otherwise. */
export interface Changes {
  readonly tokens?: readonly TokenRow[]
  readonly subscriptions?: readonly SubscriptionRow[]
  readonly notifications?: readonly NotificationRow[]
  readonly outbox?: readonly OutboxRow[]
  /** Only where there is no row of this id. */
  readonly outboxIfAbsent?: readonly OutboxRow[]
  readonly servers?: readonly ServerRow[]
  readonly answers?: readonly AnswerRow[]
  readonly clients?: readonly ClientRow[]
  readonly tombstones?: readonly TombstoneRow[]
  readonly deadLetters?: readonly DeadLetter[]
  readonly remove?: {
    /** With their subscriptions, notifications and outbox rows. */
    readonly tokens?: readonly string[]
    /** With their notifications. */
    readonly subscriptions?: readonly string[]
    /** Only while `seq` is still the row's. */
    readonly notifications?: readonly Pick<NotificationRow, 'subscription' | 'seq'>[]
    readonly outbox?: readonly string[]
    readonly servers?: readonly string[]
    readonly answers?: readonly string[]
    /** With their answers. */
    readonly clients?: readonly string[]
    readonly tombstones?: readonly string[]
  }
}

/** What `atomic` is to write, and what it answers. */
export interface Decision<T> {
  readonly changes: Changes
  readonly result: T
}

/** What `page` walks over, each by its key. */
export interface PageRows {
  readonly tokens: TokenRow
  readonly subscriptions: SubscriptionRow
  readonly outbox: OutboxRow
  readonly servers: ServerRow
  readonly answers: AnswerRow
  readonly clients: ClientRow
  readonly tombstones: TombstoneRow
}

/** What is looked for by its time. */
export interface DueRows {
  /** By `nextAt`. */
  readonly subscriptions: SubscriptionRow
  /** By `tokenDueAt`. */
  readonly tokens: TokenRow
  /** By `checkAt`. */
  readonly clients: ClientRow
  /** By `at`. */
  readonly tombstones: TombstoneRow
  /** Those that were sent, by `at`. */
  readonly answers: AnswerRow
}

export interface PageOptions {
  readonly after?: string
  readonly limit: number
  readonly server?: string
  readonly owner?: string
  readonly owed?: boolean
}

/**
 * Keeps the rows.
 *
 * - `atomic` MUST read the selection, call `change` once with what it read, and write the changes as one transaction, which
 *   MUST be serializable with all others: no other change to rows that were read or written may come between. It MUST
 *   settle only after the changes are durable, and MUST write nothing if it rejects or `change` throws. `change` is
 *   synchronous and MUST NOT be called more often than the changes are written, unless the earlier attempt was undone.
 * - Within one `Changes`, `remove` MUST be applied first then the lists in the order of their fields.
 * - Callers read what they change or remove in the same call, with the subscriptions of tokens that they remove.
 * - `id`s, `queueKey`s of subscriptions, `subscription` of notifications, `key`s of servers and `owner`s of clients MUST be unique;
 *   a change that would break it MUST reject and write nothing.
 * - `read` MUST see everything that settled before it was called, as one snapshot.
 * - The `first` notifications of a token MUST be those that were sent, by `seq`, and then the others, by `seq`: what is owed is found by
 *   it, also if very much is.
 * - `due` MUST give rows with the earliest time first; `page` MUST be ordered by the rows' keys and give those after `after`, but MAY
 *   miss rows that were added since the page before.
 * - Dead letters MUST be kept, at least the newest 1000, and MUST NOT be kept without bound.
 * - Rows MUST NOT be changed by the store, and callers MUST NOT change rows that they gave or got.
 * - A store has one user at a time: two notification servers on one store are an error that a durable store MUST refuse.
 * - Every method MUST reject after `close`, and `close` MUST wait for what is running.
 */
export interface NotificationStore extends AsyncDisposable {
  read(selection: Selection): Promise<Rows>
  atomic<T>(selection: Selection, change: (rows: Rows) => Decision<T>): Promise<T>
  /** Up to `limit` rows whose time is `now` or before. */
  due<K extends keyof DueRows>(table: K, now: number, limit: number): Promise<readonly DueRows[K][]>
  /** Up to `limit` rows after a key, ordered by key; `server` or `owner` leaves only its subscriptions, `owed` only answers that were not sent. */
  page<K extends keyof PageRows>(table: K, options: PageOptions): Promise<readonly PageRows[K][]>
  /** Newest first. */
  deadLetters(limit: number): Promise<readonly DeadLetter[]>
  /** Remembers whether the server stopped orderly, and answers what was remembered before; a new store says yes. */
  swapClean(clean: boolean): Promise<boolean>
  /** Settles when the store can be used no more: `undefined` after `close`, else why, as when another process has taken it. */
  readonly closed: Promise<Error | undefined>
  close(): Promise<void>
}

const pageSize = 1000

/** All rows of a table, in pages. */
export async function* pagesOf<K extends keyof PageRows>(
  store: NotificationStore,
  table: K,
  options: Omit<PageOptions, 'after' | 'limit'> = {},
): AsyncGenerator<readonly PageRows[K][]> {
  for (let after = ''; ; ) {
    const rows = await store.page(table, { ...options, after, limit: pageSize })
    if (rows.length > 0) yield rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageSize) return
    after = keyOf(last)
  }
}

/** All rows whose time is `now` or before, in batches; whoever gets one sees to it that its rows are no longer due. */
export async function* dueIn<K extends keyof DueRows>(
  store: NotificationStore,
  table: K,
  now: number,
  limit: number,
): AsyncGenerator<readonly DueRows[K][]> {
  for (;;) {
    const rows = await store.due(table, now, limit)
    if (rows.length > 0) yield rows
    if (rows.length < limit) return
  }
}

const keyOf = (row: PageRows[keyof PageRows]): string => ('key' in row ? row.key : 'id' in row ? row.id : row.owner)
