// How rows lie in a database: from the descriptions of tables to columns, and back.
import { type Cells, placeOf } from './cells.js'
import { StoreError } from './errors.js'
import type { AnyRow } from './queries.js'
import { valueProblem } from './rows.js'
import type { Schema } from './schema.js'
import type { Column, TableDefinition } from './table.js'

/** What drivers take and give for a cell. `boolean` only where the dialect has it. */
export type DriverValue = string | number | boolean | Uint8Array | null

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

export const tableName = (schema: Pick<Schema, 'name'>, name: string): string => `${schema.name}_${snakeCase(name)}`
export const columnName = snakeCase
/** The column beside a secret that rows are found by. */
export const hashColumnName = (name: string): string => `${snakeCase(name)}_hash`

export interface StoredColumn {
  readonly name: string
  /** The column of the description. */
  readonly of: string
  readonly column: Column
  readonly isHash: boolean
  readonly inKey: boolean
}

/** The columns of a table in the database, in the order in which they were described. */
export function storedColumns(definition: TableDefinition): StoredColumn[] {
  return Object.entries(definition.columns).flatMap(([of, column]) => {
    const inKey = definition.key.includes(of)
    const value = { name: columnName(of), of, column, isHash: false, inKey }
    return column.lookup ? [value, { ...value, name: hashColumnName(of), isHash: true }] : [value]
  })
}

export interface Layout {
  readonly table: string
  /** Its name in the database. */
  readonly name: string
  readonly definition: TableDefinition
  readonly columns: readonly StoredColumn[]
  /** What an index, or the primary key, compares: the hash where the column is a secret. */
  compared(names: readonly string[]): readonly StoredColumn[]
}

export function layoutOf(schema: Schema): Readonly<Record<string, Layout>> {
  return Object.fromEntries(
    Object.entries(schema.tables).map(([table, definition]) => {
      const columns = storedColumns(definition)
      const compared = (names: readonly string[]) =>
        names.flatMap((of) => columns.filter((stored) => stored.of === of && stored.isHash === stored.column.lookup))
      return [table, { table, name: tableName(schema, table), definition, columns, compared }]
    }),
  )
}

const keyValues = ({ definition }: Layout, row: AnyRow): unknown[] => definition.key.map((name) => row[name])

/** The values for `columns` of a row whose primary key is `key`; an index looks by the values of its own columns. */
export function toStored(
  layout: Layout,
  columns: readonly StoredColumn[],
  key: AnyRow,
  row: AnyRow,
  cells: Cells,
): DriverValue[] {
  const { table } = layout
  return columns.map(({ of, column, isHash }) => {
    const value = row[of] as DriverValue
    if (!column.secret || !(value instanceof Uint8Array)) return value
    if (isHash) return cells.hash(table, of, value)
    return cells.keyId === '' ? value : cells.seal(placeOf(table, of, keyValues(layout, key)), value)
  })
}

function fromDriver(column: Column, value: unknown): unknown {
  if (value === null) return null
  switch (column.type) {
    case 'bytes':
      // Buffers of a driver become plain arrays that nothing else refers to; libsql gives an ArrayBuffer.
      if (value instanceof Uint8Array && value.byteLength === value.buffer.byteLength)
        return new Uint8Array(value.buffer)
      return value instanceof Uint8Array || value instanceof ArrayBuffer ? new Uint8Array(value) : value
    case 'int':
      // PostgreSQL's bigint comes as text.
      return typeof value === 'bigint' || (typeof value === 'string' && /^-?\d+$/.test(value)) ? Number(value) : value
    case 'bool':
      return value === 0 || value === 1 ? value === 1 : value
    case 'text':
      return value
  }
}

/**
 * The row that a driver gave as an object with the names of the stored columns.
 * @throws StoreError `CORRUPT` if a value has another type, or a secret does not verify
 */
export function fromStored(layout: Layout, stored: AnyRow, cells: Cells): AnyRow {
  const { table, definition, columns } = layout
  const row: Record<string, unknown> = {}
  for (const { name, of, column, isHash } of columns) {
    if (isHash) continue
    const value = fromDriver(column, stored[name])
    const problem = valueProblem(column, value)
    if (problem !== undefined) throw new StoreError('CORRUPT', `${table}.${of} cannot be read: ${problem}`)
    row[of] = value
  }
  if (cells.keyId === '') return row
  for (const [of, column] of Object.entries(definition.columns)) {
    const value = row[of]
    if (column.secret && value instanceof Uint8Array) {
      row[of] = cells.open(placeOf(table, of, keyValues(layout, row)), value)
    }
  }
  return row
}
