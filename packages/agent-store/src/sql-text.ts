// What the statements of both databases are made of.
import type { DriverValue, Layout, StoredColumn } from './layout.js'

/** Where the databases' languages differ. */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres'
  /** Stands for the nth value, counted from 1. */
  readonly placeholder: (n: number) => string
  /** A statement takes lists of values, and so many rows at once. */
  readonly lists: boolean
}

export const sqliteDialect: Dialect = { name: 'sqlite', placeholder: () => '?', lists: false }
export const postgresDialect: Dialect = { name: 'postgres', placeholder: (n) => `$${n}`, lists: true }

export interface Statement {
  /** One of a few hundred texts: made to be prepared once. */
  readonly text: string
  readonly values: readonly (DriverValue | readonly DriverValue[])[]
}

export interface WriteStatement extends Statement {
  /** As many rows must change as it has, or `StoreConflict` with this message. */
  readonly conflict: string | undefined
  /** How many rows it has; more than one only where its values are lists. */
  readonly rows: number
}

const ownValue = (value: DriverValue) => (value instanceof Uint8Array ? new Uint8Array(value) : value)
const isList = (value: Statement['values'][number]): value is readonly DriverValue[] => Array.isArray(value)

/** What the caller of the store changes afterwards changes nothing in it. */
export function copyOfStatement<S extends Statement>(statement: S): S {
  const values = statement.values.map((value) => (isList(value) ? value.map(ownValue) : ownValue(value)))
  return { ...statement, values }
}

/** What the parts of the generator have in common. */
export interface SqlContext {
  readonly dialect: Dialect
  layout(table: string): Layout
  /** Texts are kept by what they depend on: table, operation, columns. */
  text(id: string, make: () => string): string
}

export const quote = (name: string): string => `"${name}"`
export const list = (columns: readonly StoredColumn[]): string => columns.map(({ name }) => quote(name)).join(', ')

const types = { bytes: 'bytea', int: 'bigint', text: 'text', bool: 'boolean' } as const
/** PostgreSQL: a list for each of these columns as rows, the lists being the first values of the statement. */
export const unnest = (columns: readonly StoredColumn[]): string =>
  `unnest(${columns.map(({ column }, i) => `$${i + 1}::${types[column.type]}[]`).join(', ')})`
/** The same under the name `v`, with the columns `v0`, `v1`, … */
export const rowsOfLists = (columns: readonly StoredColumn[]): string =>
  `${unnest(columns)} AS v(${columns.map((_, i) => `v${i}`).join(', ')})`
/** Columns of the table `t` are as in the lists, from the list `first` on. */
export const matched = (columns: readonly StoredColumn[], first: number): string =>
  columns.map(({ name }, i) => `t.${quote(name)} = v.v${first + i}`).join(' AND ')
