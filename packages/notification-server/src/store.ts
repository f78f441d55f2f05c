// design.md §5: the contract of what keeps the rows. In memory now; databases implement the same.
import type { PushKind } from '@smpkit/push-providers'
import type {
  DeadLetter,
  NotificationRow,
  OutboxRow,
  ServerRow,
  SubscriptionRow,
  SubscriptionStatus,
  TokenRow,
  TokenStatus,
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
    /** The oldest ones of a token, by `seq`. */
    readonly oldest?: { readonly token: string; readonly limit: number }
  }
  readonly outbox?: { readonly id?: readonly string[] }
  readonly servers?: { readonly key?: readonly string[] }
  /** How many rows this owner has. */
  readonly countsOf?: string
}

/** Rows that a selection does not mention are empty lists. Notifications are sorted by `seq`. */
export interface Rows {
  readonly tokens: readonly TokenRow[]
  readonly subscriptions: readonly SubscriptionRow[]
  readonly notifications: readonly NotificationRow[]
  readonly outbox: readonly OutboxRow[]
  readonly servers: readonly ServerRow[]
  readonly counts: { readonly tokens: number; readonly subscriptions: number }
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
  readonly deadLetters?: readonly DeadLetter[]
  readonly remove?: {
    /** With their subscriptions, notifications and outbox rows. */
    readonly tokens?: readonly string[]
    /** With their notifications; the row of a server goes with its last subscription. */
    readonly subscriptions?: readonly string[]
    /** Only while `seq` is still the row's. */
    readonly notifications?: readonly Pick<NotificationRow, 'subscription' | 'seq'>[]
    readonly outbox?: readonly string[]
  }
}

/** What `atomic` is to write, and what it answers. */
export interface Decision<T> {
  readonly changes: Changes
  readonly result: T
}

export interface StoreCounts {
  readonly tokens: Readonly<Partial<Record<TokenStatus, number>>>
  readonly subscriptions: Readonly<Partial<Record<Exclude<SubscriptionStatus, 'inactive'>, number>>>
  readonly outbox: Readonly<Partial<Record<PushKind, number>>>
}

/** What `page` walks over, each by its key. */
export interface PageRows {
  readonly subscriptions: SubscriptionRow
  readonly outbox: OutboxRow
  readonly servers: ServerRow
}

/**
 * Keeps the rows.
 *
 * - `atomic` MUST read the selection, call `change` once with what it read, and write the changes as one transaction, which
 *   MUST be serializable with all others: no other change to rows that were read or written may come between. It MUST
 *   settle only after the changes are durable, and MUST write nothing if it rejects or `change` throws. `change` is
 *   synchronous and MUST NOT be called more often than the changes are written, unless the earlier attempt was undone.
 * - Within one `Changes`, `remove` MUST be applied first, then the lists in the order of their fields.
 * - `id`s of tokens and subscriptions, `queueKey`s of subscriptions, `subscription` of notifications, `id`s of outbox rows and
 *   `key`s of servers MUST be unique; a change that would break it MUST reject and write nothing.
 * - `read` MUST see everything that settled before it was called, as one snapshot.
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
  /** Rows whose time has come: `nextAt` of subscriptions. */
  dueSubscriptions(now: number, limit: number): Promise<readonly SubscriptionRow[]>
  /** The same by `tokenDueAt`. */
  dueTokens(now: number, limit: number): Promise<readonly TokenRow[]>
  /** Up to `limit` rows after a key, ordered by key; `server` leaves only its subscriptions. */
  page<K extends keyof PageRows>(
    table: K,
    options: { readonly after?: string; readonly limit: number; readonly server?: string },
  ): Promise<readonly PageRows[K][]>
  /** Newest first. */
  deadLetters(limit: number): Promise<readonly DeadLetter[]>
  counts(): Promise<StoreCounts>
  /** Remembers whether the server stopped orderly, and answers what was remembered before; a new store says yes. */
  swapClean(clean: boolean): Promise<boolean>
  close(): Promise<void>
}
