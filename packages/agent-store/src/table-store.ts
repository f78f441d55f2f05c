// The contract of a store of tables: what it MUST do.
import type { StoreError } from './errors.js'
import type { Decision, FoundIn, NameOf, QueriesOf } from './queries.js'
import type { RowOf, TableSet } from './table.js'

export interface StoreOptions {
  readonly signal?: AbortSignal | undefined
}

/** What a store can do: the conformance suite tests both branches. */
export interface StoreSupports {
  /** What was written is there when it is opened again, whatever happens to the process or the machine. */
  readonly durable: boolean
  /** Secret columns are kept encrypted. */
  readonly encrypted: boolean
}

/** Tables whose primary key is one `int`. */
export type NumberedOf<T extends TableSet> = {
  [N in NameOf<T>]: T[N]['key'] extends readonly [infer K]
    ? K extends keyof RowOf<T[N]>
      ? RowOf<T[N]>[K] extends number
        ? N
        : never
      : never
    : never
}[NameOf<T>]

/**
 * Rows in tables. One user owns it at a time.
 *
 * - `read` MUST give what was committed before it was called.
 * - `atomic` MUST give `decide` the rows as they are at one moment, MUST write all or nothing, and MUST write only if the
 *   rows read have not changed meanwhile; to that end it MAY run `decide` again, which is synchronous and has no effects
 *   but its result. When it resolves, the writes MUST be durable. When it rejects, none of them is visible. If that cannot be known
 *   (the connection to a database was lost during the commit), the store MUST find out before it gives anything else.
 * - If `decide` throws, nothing is written, and that error is passed on.
 * - `insert` of a row that exists, `update` of one that does not, and an update of a versioned table whose `version` is not one more
 *   than the stored one MUST reject with `StoreConflict` and write nothing of the whole call.
 * - A write after which two rows have the same values of a `unique` index MUST reject with `StoreConflict` too.
 * - The writes of one call are carried out in their order.
 * - Each query MUST find what its type says (`GetQuery` and those beside it), in that order; null is found by no index.
 * - Bytes given and got MUST NOT be shared with the caller: who changes them later changes nothing in the store.
 * - `pages` MUST give each row once that is there from its beginning to its end, in ascending order of the primary key.
 * - A row, key or query that the tables do not have MUST reject with `INVALID`, and nothing of the call is written.
 * - An aborted signal rejects with its reason, if nothing was written; what was committed by then resolves.
 * - Other errors are `StoreError`s; `temporary` tells whether trying again can help (database away, disk full).
 * - After `close` every call rejects with `CLOSED`; what was under way is finished first.
 */
export interface TableStore<T extends TableSet> extends AsyncDisposable {
  readonly supports: StoreSupports
  read<Q extends QueriesOf<T>>(queries: Q, options?: StoreOptions): Promise<FoundIn<T, Q>>
  atomic<Q extends QueriesOf<T>, R>(
    queries: Q,
    decide: (found: FoundIn<T, Q>) => Decision<R, NameOf<T>>,
    options?: StoreOptions,
  ): Promise<R>
  /** All rows of a table, in pages of at most `size`. */
  pages<N extends NameOf<T>>(
    table: N,
    options?: StoreOptions & { readonly size?: number },
  ): AsyncIterable<readonly RowOf<T[N]>[]>
  /** The largest value of a primary key that is one `int`, or 0. */
  last(table: NumberedOf<T>, options?: StoreOptions): Promise<number>
  /** Settles when the store can be used no more: `undefined` after `close`, else why (another process has taken it). */
  readonly closed: Promise<StoreError | undefined>
  close(): Promise<void>
}
