// How rows lie in a database: from the descriptions of tables.ts to columns, and back.
import { type Cells, placeOf } from './cells.js'
import { StoreError } from './contract.js'
import { type AnyRow, definitionOf, mapTables, valueProblem } from './rows.js'
import type { Column, TableDefinition } from './table.js'
import type { TableName } from './tables.js'

/** What drivers take and give for a cell. `boolean` only where the dialect has it. */
export type DriverValue = string | number | boolean | Uint8Array | null

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

export const tableName = (name: string): string => `agent_${snakeCase(name)}`
export const columnName = snakeCase
/** The column beside a secret that rows are found by. */
export const hashColumnName = (name: string): string => `${snakeCase(name)}_hash`

export interface StoredColumn {
  readonly name: string
  /** The column of tables.ts. */
  readonly of: string
  readonly column: Column
  readonly isHash: boolean
  readonly inKey: boolean
}

function storedColumns(definition: TableDefinition): StoredColumn[] {
  return Object.entries(definition.columns).flatMap(([of, column]) => {
    const inKey = definition.key.includes(of)
    const value = { name: columnName(of), of, column, isHash: false, inKey }
    return column.lookup ? [value, { ...value, name: hashColumnName(of), isHash: true }] : [value]
  })
}

/** The columns of each table in the database, in the order in which they were described. */
export const layout: Readonly<Record<TableName, readonly StoredColumn[]>> = mapTables(storedColumns)

/** The values for `columns` of a row whose primary key is `key`; an index looks by the values of its own columns. */
export function toStored(
  table: TableName,
  columns: readonly StoredColumn[],
  key: AnyRow,
  row: AnyRow,
  cells: Cells,
): DriverValue[] {
  return columns.map(({ of, column, isHash }) => {
    const value = row[of] as DriverValue
    if (!column.secret || !(value instanceof Uint8Array)) return value
    return isHash ? cells.hash(table, of, value) : cells.seal(placeOf(table, of, key), value)
  })
}

function fromDriver(column: Column, value: unknown): unknown {
  if (value === null) return null
  switch (column.type) {
    case 'bytes':
      // Buffers of a driver become plain arrays that nothing else refers to; libsql gives an ArrayBuffer.
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
export function fromStored(table: TableName, stored: AnyRow, cells: Cells): AnyRow {
  const row: Record<string, unknown> = {}
  for (const { name, of, column, isHash } of layout[table]) {
    if (isHash) continue
    const value = fromDriver(column, stored[name])
    const problem = valueProblem(column, value)
    if (problem !== undefined) throw new StoreError('CORRUPT', `${table}.${of} cannot be read: ${problem}`)
    row[of] = value
  }
  if (cells.keyId === '') return row
  for (const [of, column] of Object.entries(definitionOf(table).columns)) {
    const value = row[of]
    if (column.secret && value instanceof Uint8Array) row[of] = cells.open(placeOf(table, of, row), value)
  }
  return row
}
