// How a table is described: once, for all stores, from types to SQL.

/** What a cell may hold. `int` is a safe integer; `secret` is bytes that a store with a key keeps encrypted. */
export interface Column<T = unknown> {
  readonly type: 'bytes' | 'int' | 'text' | 'bool'
  readonly nullable: boolean
  /** Encrypted at rest, where the store has a key. */
  readonly secret: boolean
  /** A secret that rows are found by: the store keeps an HMAC beside it. */
  readonly lookup: boolean
  /** Only a type: what a value is in TypeScript. */
  readonly value?: T
}

const column = <T>(type: Column['type'], more: Partial<Pick<Column, 'secret' | 'lookup'>> = {}): Column<T> => ({
  type,
  nullable: false,
  secret: false,
  lookup: false,
  ...more,
})

export const bytes = column<Uint8Array>('bytes')
export const secret = column<Uint8Array>('bytes', { secret: true })
export const lookup = column<Uint8Array>('bytes', { secret: true, lookup: true })
export const int = column<number>('int')
export const bool = column<boolean>('bool')
export const text = <T extends string = string>(): Column<T> => column<T>('text')
export const nullable = <T>(of: Column<T>): Column<T | null> => ({ ...of, nullable: true }) as Column<T | null>

type Columns = Readonly<Record<string, Column>>
type Names<C> = readonly (keyof C & string)[]
type NameLists<C> = Readonly<Record<string, Names<C>>>

export interface TableDefinition<
  C extends Columns = Columns,
  K extends Names<C> = Names<C>,
  I extends NameLists<C> = NameLists<C>,
  O extends NameLists<C> = NameLists<C>,
> {
  readonly columns: C
  /** The primary key; its columns are neither nullable nor secret. */
  readonly key: K
  /** By which columns rows are looked for. Rows come in the order of the primary key. */
  readonly indexes: I
  /** Rows with the same values of all columns but the last come in the order of that one, an `int`; where it is null they do not come. */
  readonly ordered: O
  /** Indexes of which no two rows have the same values. */
  readonly unique: readonly string[]
  /** An update of a row gives its `version` one more than it has, or fails. */
  readonly versioned: boolean
}

/** The tables of a store by their names. */
export type TableSet = Readonly<Record<string, TableDefinition>>

export function table<
  const C extends Columns,
  const K extends Names<C>,
  const I extends NameLists<C>,
  const O extends NameLists<C> = Readonly<Record<never, Names<C>>>,
>(definition: {
  columns: C
  key: K
  indexes: I
  ordered?: O
  unique?: readonly (keyof I & string)[]
  versioned?: boolean
}): TableDefinition<C, K, I, O> {
  return { ordered: {} as O, unique: [], versioned: false, ...definition }
}

type ValueOf<C> = C extends Column<infer T> ? T : never
type AllButLast<L extends readonly unknown[]> = L extends readonly [...infer A, unknown] ? A : readonly []

/** A row as the user of the store sees it: never encrypted. */
export type RowOf<D extends TableDefinition> = { readonly [N in keyof D['columns']]: ValueOf<D['columns'][N]> }
export type KeyOf<D extends TableDefinition> = {
  readonly [N in D['key'][number]]: N extends keyof D['columns'] ? ValueOf<D['columns'][N]> : never
}
export type IndexOf<D extends TableDefinition> = keyof D['indexes'] & string
export type OrderOf<D extends TableDefinition> = keyof D['ordered'] & string

type ValuesOf<D extends TableDefinition, L extends readonly unknown[]> = {
  readonly [N in L[number] & keyof D['columns']]: NonNullable<ValueOf<D['columns'][N]>>
}
export type IndexValues<D extends TableDefinition, N extends IndexOf<D>> = ValuesOf<D, D['indexes'][N]>
/** Of all columns but the last. */
export type OrderValues<D extends TableDefinition, N extends OrderOf<D>> = ValuesOf<D, AllButLast<D['ordered'][N]>>
/** Columns of a table by which another one with a key of one column can be found. */
export type ColumnOf<D extends TableDefinition> = keyof D['columns'] & string
