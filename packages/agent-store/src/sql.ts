// The statements of both databases, generated from the descriptions of tables.ts.
import type { Cells } from './cells.js'
import type { Query, Write } from './contract.js'
import { columnName, type DriverValue, layout, type StoredColumn, tableName, toStored } from './layout.js'
import { type AnyRow, definitionOf, requireQuery, requireWrite } from './rows.js'
import { type TableName, tables } from './tables.js'

/** Where the databases' languages differ. */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres'
  /** Stands for the nth value, counted from 1. */
  readonly placeholder: (n: number) => string
}

export const sqliteDialect: Dialect = { name: 'sqlite', placeholder: () => '?' }
export const postgresDialect: Dialect = { name: 'postgres', placeholder: (n) => `$${n}` }

export interface Statement {
  /** One of a few hundred texts: made to be prepared once. */
  readonly text: string
  readonly values: readonly DriverValue[]
}

export interface WriteStatement extends Statement {
  /** Exactly one row must change, or `StoreConflict` with this message. */
  readonly conflict: string | undefined
}

/** What the caller of the store changes afterwards changes nothing in it. */
export function copyOfStatement<S extends Statement>(statement: S): S {
  const values = statement.values.map((value) => (value instanceof Uint8Array ? new Uint8Array(value) : value))
  return { ...statement, values }
}

const quote = (name: string): string => `"${name}"`
const list = (columns: readonly StoredColumn[]): string => columns.map(({ name }) => quote(name)).join(', ')

/** What an index, or the primary key, compares: the hash where the column is a secret. */
function comparedColumns(table: TableName, names: readonly string[]): StoredColumn[] {
  return names.flatMap((of) =>
    layout[table].filter((stored) => stored.of === of && stored.isHash === stored.column.lookup),
  )
}

export interface Sql {
  /** Rows, those of a `find` in the order of the primary key. */
  query(query: Query, cells: Cells): Statement
  write(write: Write, cells: Cells): WriteStatement
  /** At most `size` rows whose primary key is after that of `after`, in its order. */
  page(table: TableName, after: AnyRow | undefined, size: number): Statement
  /** One row with the column `last`: null, if there is none. */
  last(table: 'events' | 'commands'): Statement
}

/** All statements for a dialect. Queries and writes are checked: StoreError `INVALID`. */
export function createSql({ placeholder }: Dialect): Sql {
  // Texts are kept by what they depend on: table, operation, columns.
  const texts = new Map<string, string>()
  function text(id: string, make: () => string): string {
    const found = texts.get(id) ?? make()
    texts.set(id, found)
    return found
  }

  const placeholders = (count: number) => Array.from({ length: count }, (_, i) => placeholder(i + 1)).join(', ')
  const equal = (columns: readonly StoredColumn[], first: number) =>
    columns.map(({ name }, i) => `${quote(name)} = ${placeholder(first + i)}`)
  const orderBy = (table: TableName) => list(comparedColumns(table, tables[table].key))
  const select = (table: TableName) =>
    `SELECT ${list(layout[table].filter(({ isHash }) => !isHash))} FROM ${quote(tableName(table))}`

  function query(query: Query, cells: Cells): Statement {
    requireQuery(query)
    const { table } = query
    if ('key' in query) {
      const columns = comparedColumns(table, tables[table].key)
      return {
        text: text(`get ${table}`, () => `${select(table)} WHERE ${equal(columns, 1).join(' AND ')}`),
        values: toStored(table, columns, query.key, query.key, cells),
      }
    }
    const columns = comparedColumns(table, definitionOf(table).indexes[query.index] ?? [])
    const values = toStored(table, columns, query.values, query.values, cells)
    const found = () => `${select(table)} WHERE ${equal(columns, 1).join(' AND ')} ORDER BY ${orderBy(table)}`
    if (query.limit === undefined) return { text: text(`find ${table} ${query.index}`, found), values }
    return {
      text: text(`first ${table} ${query.index}`, () => `${found()} LIMIT ${placeholder(columns.length + 1)}`),
      values: [...values, query.limit],
    }
  }

  function insertText(table: TableName, onConflict: string): string {
    const columns = layout[table]
    return `INSERT INTO ${quote(tableName(table))} (${list(columns)}) VALUES (${placeholders(columns.length)}) ${onConflict}`
  }

  function replaceText(table: TableName): string {
    const others = layout[table]
      .filter(({ inKey }) => !inKey)
      .map(({ name }) => `${quote(name)} = excluded.${quote(name)}`)
    return insertText(table, `ON CONFLICT (${orderBy(table)}) DO UPDATE SET ${others.join(', ')}`)
  }

  function updateStatement(write: Extract<Write, { op: 'update' }>, cells: Cells): WriteStatement {
    const { table, key, changes } = write
    const changed = layout[table].filter(({ of }) => Object.hasOwn(changes, of))
    const keyColumns = comparedColumns(table, tables[table].key)
    const versions = tables[table].versioned ? layout[table].filter(({ of }) => of === 'version') : []
    const set = () => equal(changed, 1).join(', ')
    const where = () => equal([...keyColumns, ...versions], changed.length + 1).join(' AND ')
    return {
      text: text(
        `update ${table} ${changed.map(({ name }) => name)}`,
        () => `UPDATE ${quote(tableName(table))} SET ${set()} WHERE ${where()}`,
      ),
      values: [
        ...toStored(table, changed, key, changes, cells),
        ...toStored(table, keyColumns, key, key, cells),
        ...versions.map(() => (changes.version as number) - 1),
      ],
      conflict: `${table}: the row to update is not there, or of another version`,
    }
  }

  function deleteStatement(table: TableName, index: string, names: readonly string[], row: AnyRow, cells: Cells) {
    const columns = comparedColumns(table, names)
    return {
      text: text(
        `remove ${table} ${index}`,
        () => `DELETE FROM ${quote(tableName(table))} WHERE ${equal(columns, 1).join(' AND ')}`,
      ),
      values: toStored(table, columns, row, row, cells),
      conflict: undefined,
    }
  }

  function write(write: Write, cells: Cells): WriteStatement {
    requireWrite(write)
    const { table } = write
    switch (write.op) {
      case 'insert':
        return {
          text: text(`insert ${table}`, () => insertText(table, 'ON CONFLICT DO NOTHING')),
          values: toStored(table, layout[table], write.row, write.row, cells),
          conflict: `${table}: the row to insert is already there`,
        }
      case 'put':
        return {
          text: text(`put ${table}`, () => replaceText(table)),
          values: toStored(table, layout[table], write.row, write.row, cells),
          conflict: undefined,
        }
      case 'update':
        return updateStatement(write, cells)
      case 'remove':
        return deleteStatement(table, '', tables[table].key, write.key, cells)
      case 'removeAll':
        return deleteStatement(table, write.index, definitionOf(table).indexes[write.index] ?? [], write.values, cells)
    }
  }

  function page(table: TableName, after: AnyRow | undefined, size: number): Statement {
    const columns = comparedColumns(table, definitionOf(table).key)
    if (after === undefined) {
      const first = () => `${select(table)} ORDER BY ${orderBy(table)} LIMIT ${placeholder(1)}`
      return { text: text(`page ${table}`, first), values: [size] }
    }
    const next = () =>
      `${select(table)} WHERE (${orderBy(table)}) > (${placeholders(columns.length)}) ` +
      `ORDER BY ${orderBy(table)} LIMIT ${placeholder(columns.length + 1)}`
    return {
      text: text(`next ${table}`, next),
      values: [...columns.map(({ of }) => after[of] as DriverValue), size],
    }
  }

  function last(table: 'events' | 'commands'): Statement {
    const [column] = tables[table].key
    return { text: `SELECT max(${quote(columnName(column))}) AS last FROM ${quote(tableName(table))}`, values: [] }
  }

  return { query, write, page, last }
}
