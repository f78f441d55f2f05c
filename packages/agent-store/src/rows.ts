// The contract's tables: what a row, a key, a change or a query of them must look like.
import { StoreError } from './errors.js'
import type { AnyRow, Query, Write } from './queries.js'
import type { Column, TableDefinition, TableSet } from './table.js'

const invalid = (message: string): StoreError => new StoreError('INVALID', message)

/** Of `pages`, where the caller does not say. */
export const defaultPageSize = 256

/** @throws StoreError `INVALID` if there is none */
export function definitionOf(tables: TableSet, name: string): TableDefinition {
  const definition = Object.hasOwn(tables, name) ? tables[name] : undefined
  if (definition === undefined) throw invalid('expected the name of a table, got one that is none')
  return definition
}

/** The columns that a query on an ordered index compares: all but the last, by which it orders. */
export const withoutLast = (columns: readonly string[] = []): readonly string[] => columns.slice(0, -1)

/** Only these columns of a row. */
export const valuesOf = (columns: readonly string[], row: AnyRow): AnyRow =>
  Object.fromEntries(columns.map((name) => [name, row[name]]))

const isStorable = (text: string): boolean => /^[ -~]*$/.test(text) || !/[\0\p{Surrogate}]/u.test(text)

const kinds: Readonly<Record<Column['type'], readonly [expected: string, fits: (value: unknown) => boolean]>> = {
  bytes: ['bytes', (value) => value instanceof Uint8Array],
  int: ['a safe integer', (value) => Number.isSafeInteger(value)],
  bool: ['a boolean', (value) => typeof value === 'boolean'],
  // No database keeps half of a surrogate pair, and PostgreSQL no zero character.
  text: ['well-formed text', (value) => typeof value === 'string' && isStorable(value)],
}

/** With bytes of its own: what happens to those of `value`, at whatever depth, changes nothing in it. */
export function copyOf<V>(value: V): V {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return new Uint8Array(value) as V & Uint8Array
  if (Array.isArray(value)) return value.map(copyOf) as V & unknown[]
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copyOf(item)])) as V
}

/** What is wrong with a value, or `undefined`. */
export function valueProblem(column: Column, value: unknown): string | undefined {
  const [expected, fits] = kinds[column.type]
  if (fits(value) || (value === null && column.nullable)) return undefined
  return `expected ${expected}, got ${value === null ? 'null' : typeof value}`
}

interface Of {
  readonly table: string
  readonly definition: TableDefinition
}

function requireValues({ table, definition }: Of, columns: readonly string[], values: AnyRow): void {
  const given = Object.keys(values).length
  for (const name of columns) {
    const column = Object.hasOwn(definition.columns, name) ? definition.columns[name] : undefined
    const problem = column === undefined ? 'there is no such column' : valueProblem(column, values[name])
    if (problem !== undefined) throw invalid(`${table}.${name}: ${problem}`)
  }
  if (given !== columns.length) throw invalid(`${table}: expected ${columns.length} columns, got ${given}`)
}

function columnsOf({ table, definition }: Of, kind: 'indexes' | 'ordered', name: string): readonly string[] {
  const lists = definition[kind]
  const columns = Object.hasOwn(lists, name) ? lists[name] : undefined
  if (columns === undefined) throw invalid(`${table}: there is no such index`)
  return columns
}

/** Values that are compared: null is equal to nothing. */
function requireCompared(of: Of, columns: readonly string[], values: AnyRow): void {
  requireValues(of, columns, values)
  for (const name of columns) {
    if (values[name] === null) throw invalid(`${of.table}.${name}: null cannot be looked for`)
  }
}

/** @throws StoreError `INVALID` */
export function requireLimit(limit: number | undefined, least: number): void {
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= least)) {
    throw invalid(`expected a limit of at least ${least}, got another`)
  }
}

/** @throws StoreError `INVALID` */
export function requireQuery(tables: TableSet, query: Query): void {
  const of = { table: query.table, definition: definitionOf(tables, query.table) }
  const { key } = of.definition
  if ('limit' in query) requireLimit(query.limit, 0)
  if ('key' in query) requireValues(of, key, query.key)
  else if ('keys' in query) for (const one of query.keys) requireValues(of, key, one)
  else if ('ordered' in query) {
    const columns = withoutLast(columnsOf(of, 'ordered', query.ordered))
    for (const values of query.any) requireCompared(of, columns, values)
    if (query.upTo !== undefined && !Number.isSafeInteger(query.upTo))
      throw invalid('expected a safe integer, got another')
  } else if ('after' in query) {
    if (query.after !== null) requireValues(of, key, query.after)
    if (query.of) requireCompared(of, columnsOf(of, 'indexes', query.of.index), query.of.values)
  } else if ('by' in query) {
    requireQuery(tables, query.by)
    const { columns } = definitionOf(tables, query.by.table)
    if (key.length !== 1 || !Object.hasOwn(columns, query.column) || columns[query.column]?.secret) {
      throw invalid(`${query.table}: expected a key of one column, and a column that refers to it`)
    }
  } else {
    const columns = columnsOf(of, 'indexes', 'count' in query ? query.count : query.index)
    for (const values of 'any' in query ? query.any : [query.values]) requireCompared(of, columns, values)
  }
}

/** @throws StoreError `INVALID` */
export function requireWrite(tables: TableSet, write: Write): void {
  const of = { table: write.table, definition: definitionOf(tables, write.table) }
  const { key, columns, versioned } = of.definition
  switch (write.op) {
    case 'insert':
    case 'put':
    case 'putIfAbsent':
      requireValues(of, Object.keys(columns), write.row)
      return
    case 'remove':
      requireValues(of, key, write.key)
      if (write.where === undefined) return
      requireCompared(of, Object.keys(write.where), write.where)
      if (Object.keys(write.where).some((name) => columns[name]?.secret)) {
        throw invalid(`${of.table}: expected a condition without secrets`)
      }
      return
    case 'removeAll':
      requireCompared(of, columnsOf(of, 'indexes', write.index), write.values)
      return
    case 'update': {
      requireValues(of, key, write.key)
      const changed = Object.keys(write.changes)
      requireValues(of, changed, write.changes)
      if (changed.length === 0) throw invalid(`${of.table}: expected a change, got none`)
      if (changed.some((name) => key.includes(name))) {
        throw invalid(`${of.table}: expected changes outside of the primary key`)
      }
      if (versioned && !changed.includes('version')) throw invalid(`${of.table}: expected a version`)
      return
    }
    default:
      throw invalid(`${(write as Write).table}: there is no such write`)
  }
}
