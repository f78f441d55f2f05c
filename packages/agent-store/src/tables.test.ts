import { describe, expect, it } from 'vitest'
import { tableNames } from './conformance-support.js'
import type { TableDefinition } from './table.js'
import { connectionTables, tables } from './tables.js'

const definitionOf = (name: keyof typeof tables): TableDefinition => tables[name]

describe.each(tableNames)('the description of %s', (name) => {
  const { columns, key, indexes, versioned } = definitionOf(name)

  it('has a primary key of columns that are neither nullable nor secret, and other columns', () => {
    expect(key.length).toBeGreaterThan(0)
    expect(key.length).toBeLessThan(Object.keys(columns).length)
    for (const column of key) expect(columns[column]).toMatchObject({ nullable: false, secret: false, lookup: false })
  })

  it('has indexes only of columns that can be looked for', () => {
    for (const column of Object.values(indexes).flat()) {
      expect(columns[column], column).toBeDefined()
      expect(columns[column]?.secret, column).toBe(columns[column]?.lookup)
    }
  })

  it('has a version if it is versioned', () => {
    if (versioned) expect(columns.version).toMatchObject({ type: 'int', nullable: false })
  })
})

it('what goes with a connection is found by it', () => {
  for (const name of connectionTables) expect(definitionOf(name).indexes.byConnection).toStrictEqual(['connId'])
})
