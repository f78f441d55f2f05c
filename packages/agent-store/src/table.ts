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

export interface TableDefinition<
  C extends Columns = Columns,
  K extends readonly (keyof C & string)[] = readonly (keyof C & string)[],
  I extends Readonly<Record<string, readonly (keyof C & string)[]>> = Readonly<
    Record<string, readonly (keyof C & string)[]>
  >,
> {
  readonly columns: C
  /** The primary key; its columns are neither nullable nor secret. */
  readonly key: K
  /** By which columns rows are looked for; not unique. Rows come in the order of the primary key. */
  readonly indexes: I
  /** An update of a row gives its `version` one more than it has, or fails. */
  readonly versioned: boolean
}

export function table<
  const C extends Columns,
  const K extends readonly (keyof C & string)[],
  const I extends Readonly<Record<string, readonly (keyof C & string)[]>>,
>(definition: { columns: C; key: K; indexes: I; versioned?: boolean }): TableDefinition<C, K, I> {
  return { versioned: false, ...definition }
}

type ValueOf<C> = C extends Column<infer T> ? T : never

/** A row as the agent sees it: never encrypted. */
export type RowOf<D> =
  D extends TableDefinition<infer C, infer _K, infer _I> ? { readonly [N in keyof C]: ValueOf<C[N]> } : never
export type KeyOf<D> =
  D extends TableDefinition<infer C, infer K, infer _I> ? { readonly [N in K[number]]: ValueOf<C[N]> } : never
export type IndexOf<D> = D extends TableDefinition<infer _C, infer _K, infer I> ? keyof I & string : never
export type IndexValues<D, N> =
  D extends TableDefinition<infer C, infer _K, infer I>
    ? N extends keyof I
      ? { readonly [P in I[N][number]]: NonNullable<ValueOf<C[P]>> }
      : never
    : never
