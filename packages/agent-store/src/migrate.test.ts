import { describe, expect, it } from 'vitest'
import { agentSchema } from './agent-schema.js'
import { tableNames } from './conformance-support.js'
import { hashColumnName, layoutOf, tableName } from './layout.js'
import { pendingMigrations } from './migrate.js'
import type { Migration } from './schema.js'
import { postgresDialect, sqliteDialect } from './sql-text.js'
import { openSqliteStore } from './sqlite.js'
import type { TableDefinition } from './table.js'
import { libraries } from './testing/sqlite.js'

const { migrations } = agentSchema
const layouts = layoutOf(agentSchema)
const definitionOf = (name: string): TableDefinition => layouts[name]?.definition as TableDefinition

const code = (expected: string) => expect.objectContaining({ name: 'StoreError', code: expected, temporary: false })
const known: Migration[] = [1, 2, 3].map((number) => ({
  number,
  name: `m${number}`,
  sqlite: `sqlite ${number}`,
  postgres: `postgres ${number}`,
}))
const all = pendingMigrations([], sqliteDialect, known)

describe('migrations', () => {
  it('are numbered without a gap', () => {
    expect(migrations.map(({ number }) => number)).toStrictEqual(migrations.map((_, i) => i + 1))
  })

  it('are applied in order, each once', () => {
    expect(all.map(({ number, text }) => [number, text])).toStrictEqual([
      [1, 'sqlite 1'],
      [2, 'sqlite 2'],
      [3, 'sqlite 3'],
    ])
    expect(pendingMigrations(all.slice(0, 2), sqliteDialect, known)).toStrictEqual(all.slice(2))
    expect(pendingMigrations(all, sqliteDialect, known)).toStrictEqual([])
    expect(pendingMigrations([], postgresDialect, known)[0]?.text).toBe('postgres 1')
  })

  it('are refused by a package that is older than the database, which names both versions', () => {
    expect(() => pendingMigrations(all, sqliteDialect, known.slice(0, 2))).toThrow(code('NEWER'))
    expect(() => pendingMigrations(all, sqliteDialect, known.slice(0, 2))).toThrow(/version 3.*knows 2/)
  })

  it('are refused if one was changed afterwards, or left out', () => {
    const changed = known.map((migration) => (migration.number === 2 ? { ...migration, sqlite: 'other' } : migration))
    expect(() => pendingMigrations(all, sqliteDialect, changed)).toThrow(code('CHECKSUM'))
    expect(() => pendingMigrations(all, postgresDialect, known)).toThrow(code('CHECKSUM'))
    expect(() => pendingMigrations(all.slice(1), sqliteDialect, known)).toThrow(code('CHECKSUM'))
  })
})

interface TableInfo {
  name: string
  type: string
  notnull: number
  pk: number
}

describe('the tables that the migrations of SQLite make', async () => {
  const database = libraries['better-sqlite3']?.(':memory:')
  if (database === undefined) throw new Error('expected better-sqlite3')
  await openSqliteStore(database)
  const all = (text: string) => database.prepare(text).all()

  it('are those of tables.ts, and the two of the package', () => {
    const made = all("SELECT name FROM sqlite_schema WHERE type = 'table'") as { name: string }[]
    expect(made.map(({ name }) => name).sort()).toStrictEqual(
      [...tableNames.map((name) => tableName(agentSchema, name)), 'agent_meta', 'agent_migrations'].sort(),
    )
  })

  it.each(tableNames)('%s has the columns, types, and primary key of its description', (name) => {
    const types = { bytes: 'BLOB', int: 'INTEGER', bool: 'INTEGER', text: 'TEXT' }
    const columns = all(`PRAGMA table_info(${tableName(agentSchema, name)})`) as TableInfo[]
    const { key } = definitionOf(name)
    expect(columns.map((column) => [column.name, column.type, column.notnull, column.pk])).toStrictEqual(
      layouts[name]?.columns.map((stored) => [
        stored.name,
        types[stored.column.type],
        stored.column.nullable ? 0 : 1,
        stored.isHash ? 0 : key.indexOf(stored.of) + 1,
      ]),
    )
  })

  it.each(tableNames)('%s finds by each of its indexes without reading the whole table', (name) => {
    const { columns, indexes, key } = definitionOf(name)
    for (const names of [key, ...Object.values(indexes)]) {
      const compared = names.map((of) => (columns[of]?.lookup ? hashColumnName(of) : columnOf(name, of)))
      const where = compared.map((column) => `${column} = 1`).join(' AND ')
      const [plan] = all(`EXPLAIN QUERY PLAN SELECT * FROM ${tableName(agentSchema, name)} WHERE ${where}`) as {
        detail: string
      }[]
      expect(plan?.detail).toMatch(/^SEARCH/)
    }
  })

  const columnOf = (table: (typeof tableNames)[number], of: string) =>
    layouts[table]?.columns.find((stored) => stored.of === of && !stored.isHash)?.name
})
