// The contract of a store of tables: what can be asked of it, and what can be written.
import type {
  ColumnOf,
  IndexOf,
  IndexValues,
  KeyOf,
  OrderOf,
  OrderValues,
  RowOf,
  TableDefinition,
  TableSet,
} from './table.js'

export type AnyRow = Readonly<Record<string, unknown>>
export type NameOf<T extends TableSet> = keyof T & string

/** One row by its primary key. */
export interface GetQuery<N extends string = string> {
  readonly table: N
  readonly key: AnyRow
}

/** Rows by their primary keys: those that are there, in the order of the keys; one for each key that is given, also if it is given twice. */
export interface GetAllQuery<N extends string = string> {
  readonly table: N
  readonly keys: readonly AnyRow[]
}

/** Rows by an index, in ascending order of the primary key. */
export interface FindQuery<N extends string = string> {
  readonly table: N
  readonly index: string
  readonly values: AnyRow
  readonly limit?: number
}

/** As `FindQuery` for each of several values, one after the other; the limit is for each. */
export interface FindAnyQuery<N extends string = string> {
  readonly table: N
  readonly index: string
  readonly any: readonly AnyRow[]
  readonly limit?: number
}

/** The first rows of an ordered index for each of several values, one after the other. */
export interface FirstQuery<N extends string = string> {
  readonly table: N
  readonly ordered: string
  readonly any: readonly AnyRow[]
  /** For each of `any`. */
  readonly limit: number
  /** Only rows whose last column is this or less. */
  readonly upTo?: number
}

/** Rows in ascending order of the primary key: those after `after`, and of an index if one is given. */
export interface PageQuery<N extends string = string> {
  readonly table: N
  readonly after: AnyRow | null
  readonly limit: number
  readonly of?: { readonly index: string; readonly values: AnyRow }
}

/** How many rows an index has for each of several values, in all. */
export interface CountQuery<N extends string = string> {
  readonly table: N
  readonly count: string
  readonly any: readonly AnyRow[]
}

/** Rows of a table with a key of one column whose key is in `column` of rows that `by` finds: each once, in any order. */
export interface ReferredQuery<N extends string = string> {
  readonly table: N
  readonly column: string
  readonly by: GetAllQuery | FindQuery | FindAnyQuery
}

export type RowsQuery<N extends string = string> =
  | GetAllQuery<N>
  | FindQuery<N>
  | FindAnyQuery<N>
  | FirstQuery<N>
  | PageQuery<N>
  | ReferredQuery<N>
export type Query<N extends string = string> = GetQuery<N> | RowsQuery<N> | CountQuery<N>

export type QueriesOf<T extends TableSet> = Readonly<Record<string, Query<NameOf<T>>>>

type RowIn<T extends TableSet, N> = N extends NameOf<T> ? RowOf<T[N]> : never

/** What the queries found: a row or `undefined` for `get`, a number for `count`, rows for the others. */
export type FoundIn<T extends TableSet, Q> = {
  readonly [P in keyof Q]: Q[P] extends GetQuery<infer N>
    ? RowIn<T, N> | undefined
    : Q[P] extends CountQuery
      ? number
      : Q[P] extends RowsQuery<infer N>
        ? readonly RowIn<T, N>[]
        : never
}

/** A change of one row, or the removal of those that an index finds. */
export type Write<N extends string = string> =
  | { readonly op: 'insert' | 'put' | 'putIfAbsent'; readonly table: N; readonly row: AnyRow }
  | { readonly op: 'update'; readonly table: N; readonly key: AnyRow; readonly changes: AnyRow }
  | { readonly op: 'remove'; readonly table: N; readonly key: AnyRow; readonly where?: AnyRow }
  | { readonly op: 'removeAll'; readonly table: N; readonly index: string; readonly values: AnyRow }

export interface Decision<R, N extends string = string> {
  readonly writes: readonly Write<N>[]
  readonly result: R
}

/** Queries and writes, typed by the tables. */
export interface Requests<T extends TableSet> {
  get<N extends NameOf<T>>(table: N, key: KeyOf<T[N]>): GetQuery<N>
  getAll<N extends NameOf<T>>(table: N, keys: readonly KeyOf<T[N]>[]): GetAllQuery<N>
  find<N extends NameOf<T>, I extends IndexOf<T[N]>>(
    table: N,
    index: I,
    values: IndexValues<T[N], I>,
    limit?: number,
  ): FindQuery<N>
  findAny<N extends NameOf<T>, I extends IndexOf<T[N]>>(
    table: N,
    index: I,
    any: readonly IndexValues<T[N], I>[],
    limit?: number,
  ): FindAnyQuery<N>
  first<N extends NameOf<T>, O extends OrderOf<T[N]>>(
    table: N,
    ordered: O,
    any: readonly OrderValues<T[N], O>[],
    limit: number,
    upTo?: number,
  ): FirstQuery<N>
  page<N extends NameOf<T>>(table: N, after: KeyOf<T[N]> | null, limit: number): PageQuery<N>
  pageOf<N extends NameOf<T>, I extends IndexOf<T[N]>>(
    table: N,
    index: I,
    values: IndexValues<T[N], I>,
    after: KeyOf<T[N]> | null,
    limit: number,
  ): PageQuery<N>
  count<N extends NameOf<T>, I extends IndexOf<T[N]>>(
    table: N,
    index: I,
    any: readonly IndexValues<T[N], I>[],
  ): CountQuery<N>
  referred<N extends NameOf<T>, M extends NameOf<T>>(
    table: N,
    column: ColumnOf<T[M]>,
    by: GetAllQuery<M> | FindQuery<M> | FindAnyQuery<M>,
  ): ReferredQuery<N>
  /** A row that must not be there yet, or `StoreConflict`. */
  insert<N extends NameOf<T>>(table: N, row: RowOf<T[N]>): Write<N>
  /** A row, in place of another with its key if there is one. */
  put<N extends NameOf<T>>(table: N, row: RowOf<T[N]>): Write<N>
  /** A row, unless there is one with its key. */
  putIfAbsent<N extends NameOf<T>>(table: N, row: RowOf<T[N]>): Write<N>
  /** Some columns of a row that must be there, or `StoreConflict`. */
  update<N extends NameOf<T>>(table: N, key: KeyOf<T[N]>, changes: Partial<RowOf<T[N]>>): Write<N>
  /** A row that need not be there; with `where`, only if it has these values, which are neither secret nor null. */
  remove<N extends NameOf<T>>(table: N, key: KeyOf<T[N]>, where?: Partial<RowOf<T[N]>>): Write<N>
  removeAll<N extends NameOf<T>, I extends IndexOf<T[N]>>(table: N, index: I, values: IndexValues<T[N], I>): Write<N>
}

const limited = (limit: number | undefined) => (limit === undefined ? {} : { limit })

/** The types say what the tables have; stores check it again. */
const untyped = {
  get: (table: string, key: AnyRow) => ({ table, key }),
  getAll: (table: string, keys: readonly AnyRow[]) => ({ table, keys }),
  find: (table: string, index: string, values: AnyRow, limit?: number) => ({ table, index, values, ...limited(limit) }),
  findAny: (table: string, index: string, any: readonly AnyRow[], limit?: number) => ({
    table,
    index,
    any,
    ...limited(limit),
  }),
  first: (table: string, ordered: string, any: readonly AnyRow[], limit: number, upTo?: number) => ({
    table,
    ordered,
    any,
    limit,
    ...(upTo === undefined ? {} : { upTo }),
  }),
  page: (table: string, after: AnyRow | null, limit: number) => ({ table, after, limit }),
  pageOf: (table: string, index: string, values: AnyRow, after: AnyRow | null, limit: number) => ({
    table,
    after,
    limit,
    of: { index, values },
  }),
  count: (table: string, index: string, any: readonly AnyRow[]) => ({ table, count: index, any }),
  referred: (table: string, column: string, by: ReferredQuery['by']) => ({ table, column, by }),
  insert: (table: string, row: AnyRow) => ({ op: 'insert', table, row }),
  put: (table: string, row: AnyRow) => ({ op: 'put', table, row }),
  putIfAbsent: (table: string, row: AnyRow) => ({ op: 'putIfAbsent', table, row }),
  update: (table: string, key: AnyRow, changes: AnyRow) => ({ op: 'update', table, key, changes }),
  remove: (table: string, key: AnyRow, where?: AnyRow) => ({ op: 'remove', table, key, ...(where && { where }) }),
  removeAll: (table: string, index: string, values: AnyRow) => ({ op: 'removeAll', table, index, values }),
} satisfies Record<keyof Requests<TableSet>, unknown>

export function requestsOf<T extends Readonly<Record<string, TableDefinition>>>(_tables: T): Requests<T> {
  return untyped as unknown as Requests<T>
}
