// The contract of a store: what an agent asks of it, and what it MUST do.
import type { IndexOf, IndexValues } from './table.js'
import type { Key, Row, TableName, Tables } from './tables.js'

/** One row by its primary key. */
export interface GetQuery<N extends TableName = TableName> {
  readonly table: N
  readonly key: Key<N>
}

/** Rows by an index, in ascending order of the primary key. */
export interface FindQuery<N extends TableName = TableName> {
  readonly table: N
  readonly index: string
  readonly values: Readonly<Record<string, unknown>>
  readonly limit?: number
}

export type Query = GetQuery | FindQuery

export function get<N extends TableName>(table: N, key: Key<N>): GetQuery<N> {
  return { table, key }
}

export function find<N extends TableName, I extends IndexOf<Tables[N]>>(
  table: N,
  index: I,
  values: IndexValues<Tables[N], I>,
  limit?: number,
): FindQuery<N> {
  return {
    table,
    index,
    values: values as Readonly<Record<string, unknown>>,
    ...(limit === undefined ? {} : { limit }),
  }
}

export type Queries = Readonly<Record<string, Query>>

/** What the queries found: a row or `undefined` for `get`, rows for `find`. */
export type Found<Q extends Queries> = {
  readonly [P in keyof Q]: Q[P] extends GetQuery<infer N>
    ? Row<N> | undefined
    : Q[P] extends FindQuery<infer N>
      ? readonly Row<N>[]
      : never
}

/** A change of one row, or the removal of those that an index finds. */
export type Write =
  | { readonly op: 'insert' | 'put'; readonly table: TableName; readonly row: Readonly<Record<string, unknown>> }
  | {
      readonly op: 'update'
      readonly table: TableName
      readonly key: Readonly<Record<string, unknown>>
      readonly changes: Readonly<Record<string, unknown>>
    }
  | { readonly op: 'remove'; readonly table: TableName; readonly key: Readonly<Record<string, unknown>> }
  | {
      readonly op: 'removeAll'
      readonly table: TableName
      readonly index: string
      readonly values: Readonly<Record<string, unknown>>
    }

/** A row that must not be there yet, or `StoreConflict`. */
export const insert = <N extends TableName>(table: N, row: Row<N>): Write => ({ op: 'insert', table, row })
/** A row, in place of another with its key if there is one. */
export const put = <N extends TableName>(table: N, row: Row<N>): Write => ({ op: 'put', table, row })
/** Some columns of a row that must be there, or `StoreConflict`. */
export const update = <N extends TableName>(table: N, key: Key<N>, changes: Partial<Row<N>>): Write => ({
  op: 'update',
  table,
  key,
  changes,
})
/** A row that need not be there. */
export const remove = <N extends TableName>(table: N, key: Key<N>): Write => ({ op: 'remove', table, key })
export const removeAll = <N extends TableName, I extends IndexOf<Tables[N]>>(
  table: N,
  index: I,
  values: IndexValues<Tables[N], I>,
): Write => ({ op: 'removeAll', table, index, values: values as Readonly<Record<string, unknown>> })

export interface Decision<R> {
  readonly writes: readonly Write[]
  readonly result: R
}

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

/**
 * Where an agent keeps its connections. One agent owns it at a time.
 *
 * - `read` MUST give what was committed before it was called.
 * - `atomic` MUST give `decide` the rows as they are at one moment, MUST write all or nothing, and MUST write only if the
 *   rows read have not changed meanwhile; to that end it MAY run `decide` again, which is synchronous and has no effects
 *   but its result. When it resolves, the writes MUST be durable. When it rejects, none of them is visible. If that cannot be known
 *   (the connection to a database was lost during the commit), the store MUST find out before it gives anything else.
 * - If `decide` throws, nothing is written, and that error is passed on.
 * - `insert` of a row that exists, `update` of one that does not, and an update of a versioned table whose `version` is not one more
 *   than the stored one MUST reject with `StoreConflict` and write nothing of the whole call.
 * - The writes of one call are carried out in their order.
 * - Bytes given and got MUST NOT be shared with the caller: who changes them later changes nothing in the store.
 * - `pages` MUST give each row once that is there from its beginning to its end, in ascending order of the primary key.
 * - A row, key or query that the tables do not have MUST reject with `INVALID`, and nothing of the call is written.
 * - An aborted signal rejects with its reason, if nothing was written; what was committed by then resolves.
 * - Other errors are `StoreError`s; `temporary` tells whether trying again can help (database away, disk full).
 * - After `close` every call rejects with `CLOSED`; what was under way is finished first.
 */
export interface AgentStore extends AsyncDisposable {
  readonly supports: StoreSupports
  read<Q extends Queries>(queries: Q, options?: StoreOptions): Promise<Found<Q>>
  atomic<Q extends Queries, R>(queries: Q, decide: (found: Found<Q>) => Decision<R>, options?: StoreOptions): Promise<R>
  /** All rows of a table, in pages of at most `size`. */
  pages<N extends TableName>(
    table: N,
    options?: StoreOptions & { readonly size?: number },
  ): AsyncIterable<readonly Row<N>[]>
  /** The largest value of a primary key that is one `int`, or 0. */
  last(table: 'events' | 'commands', options?: StoreOptions): Promise<number>
  /** Settles when the store can be used no more: `undefined` after `close`, else why (another process has taken it). */
  readonly closed: Promise<StoreError | undefined>
  close(): Promise<void>
}

export type StoreErrorCode =
  /** Another row, or another version of it, was there. */
  | 'CONFLICT'
  /** The database is of a newer version of this package, or a migration was changed afterwards. */
  | 'NEWER'
  | 'CHECKSUM'
  /** The key is missing, wrong, or not needed. */
  | 'KEY'
  /** Another process has the database. */
  | 'LOCKED'
  /** It is away, full, or busy. */
  | 'UNAVAILABLE'
  /** What it gave cannot be read: wrong types, or a cell whose encryption does not verify. */
  | 'CORRUPT'
  | 'CLOSED'
  /** A row, key or query that the tables do not have. */
  | 'INVALID'

export class StoreError extends Error {
  override readonly name: string = 'StoreError'
  readonly temporary: boolean

  constructor(
    readonly code: StoreErrorCode,
    message: string,
    { temporary = false, cause }: { temporary?: boolean; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.temporary = temporary
  }
}

/** Nothing was written: the rows are not what the caller thought. */
export class StoreConflict extends StoreError {
  override readonly name = 'StoreConflict'

  constructor(message: string) {
    super('CONFLICT', message)
  }
}
