// The contract's tables: what a row, a key, a change or a query of them must look like, and in what order rows come.
import { type FindQuery, type Query, StoreError, type Write } from './contract.js'
import type { Column, TableDefinition } from './table.js'
import { type TableName, tables } from './tables.js'

export type AnyRow = Readonly<Record<string, unknown>>

const invalid = (message: string): StoreError => new StoreError('INVALID', message)

export const tableNames = Object.keys(tables) as TableName[]

/** Of `pages`, where the caller does not say. */
export const defaultPageSize = 256

export function mapTables<T>(of: (definition: TableDefinition, name: TableName) => T): Record<TableName, T> {
  return Object.fromEntries(tableNames.map((name) => [name, of(tables[name], name)])) as Record<TableName, T>
}

/** @throws StoreError `INVALID` if there is none */
export function definitionOf(name: string): TableDefinition {
  if (!Object.hasOwn(tables, name)) throw invalid(`expected the name of a table, got one that is none`)
  return tables[name as TableName]
}

const kinds: Readonly<Record<Column['type'], readonly [expected: string, fits: (value: unknown) => boolean]>> = {
  bytes: ['bytes', (value) => value instanceof Uint8Array],
  int: ['a safe integer', (value) => Number.isSafeInteger(value)],
  bool: ['a boolean', (value) => typeof value === 'boolean'],
  // No database keeps half of a surrogate pair, and PostgreSQL no zero character.
  text: ['well-formed text', (value) => typeof value === 'string' && !/[\0\p{Surrogate}]/u.test(value)],
}

/** With bytes of its own: what happens to those of `row` changes nothing in it. */
export function copyOf<R extends AnyRow>(row: R): R {
  const copies = Object.entries(row).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? new Uint8Array(value) : value,
  ])
  return Object.fromEntries(copies) as R
}

/** What is wrong with a value, or `undefined`. */
export function valueProblem(column: Column, value: unknown): string | undefined {
  const [expected, fits] = kinds[column.type]
  if (fits(value) || (value === null && column.nullable)) return undefined
  return `expected ${expected}, got ${value === null ? 'null' : typeof value}`
}

function requireValues(table: string, columns: readonly string[], values: AnyRow): void {
  const definition = definitionOf(table)
  const given = Object.keys(values).length
  for (const name of columns) {
    const column = definition.columns[name]
    const problem = column === undefined ? 'there is no such column' : valueProblem(column, values[name])
    if (problem !== undefined) throw invalid(`${table}.${name}: ${problem}`)
  }
  if (given !== columns.length) throw invalid(`${table}: expected ${columns.length} columns, got ${given}`)
}

function requireIndex(query: Pick<FindQuery, 'table' | 'index' | 'values'>): void {
  const { indexes } = definitionOf(query.table)
  const columns = Object.hasOwn(indexes, query.index) ? indexes[query.index] : undefined
  if (columns === undefined) throw invalid(`${query.table}: there is no such index`)
  requireValues(query.table, columns, query.values)
  for (const name of columns) {
    if (query.values[name] === null) throw invalid(`${query.table}.${name}: null cannot be looked for`)
  }
}

/** @throws StoreError `INVALID` */
export function requireLimit(limit: number | undefined, least: number): void {
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= least)) {
    throw invalid(`expected a limit of at least ${least}, got another`)
  }
}

/** @throws StoreError `INVALID` */
export function requireQuery(query: Query): void {
  if ('key' in query) {
    requireValues(query.table, definitionOf(query.table).key, query.key)
  } else {
    requireIndex(query)
    requireLimit(query.limit, 0)
  }
}

/** @throws StoreError `INVALID` */
export function requireWrite(write: Write): void {
  const definition = definitionOf(write.table)
  switch (write.op) {
    case 'insert':
    case 'put':
      requireValues(write.table, Object.keys(definition.columns), write.row)
      return
    case 'remove':
      requireValues(write.table, definition.key, write.key)
      return
    case 'removeAll':
      requireIndex(write)
      return
    case 'update': {
      requireValues(write.table, definition.key, write.key)
      const changed = Object.keys(write.changes)
      requireValues(write.table, changed, write.changes)
      if (changed.length === 0) throw invalid(`${write.table}: expected a change, got none`)
      if (changed.some((name) => definition.key.includes(name))) {
        throw invalid(`${write.table}: expected changes outside of the primary key`)
      }
      if (definition.versioned && !changed.includes('version')) throw invalid(`${write.table}: expected a version`)
      return
    }
    default:
      throw invalid(`${(write as Write).table}: there is no such write`)
  }
}
