// The statements of both databases, generated from the descriptions of the tables.
import type { Cells } from './cells.js'
import { columnName, type Layout, layoutOf } from './layout.js'
import type { Query, Write } from './queries.js'
import { requireQuery, requireWrite } from './rows.js'
import type { Schema } from './schema.js'
import { createQuerySql } from './sql-queries.js'
import { type Dialect, quote, type SqlContext, type Statement, type WriteStatement } from './sql-text.js'
import { createWriteSql } from './sql-writes.js'

export interface Sql {
  layout(table: string): Layout
  /** Their rows one after the other are what is found. With lists there is at most one. */
  query(query: Query, cells: Cells): readonly Statement[]
  /** In the same order. With lists, neighbours of the same kind share a statement. */
  writes(writes: readonly Write[], cells: Cells): readonly WriteStatement[]
  /** One row with the column `last`: null, if there is none. */
  last(table: string): Statement
}

/** All statements for a dialect. Queries and writes are checked: StoreError `INVALID`. */
export function createSql(schema: Schema, dialect: Dialect): Sql {
  const layouts = layoutOf(schema)
  const texts = new Map<string, string>()
  const context: SqlContext = {
    dialect,
    layout(table) {
      const found = layouts[table]
      if (found === undefined) throw new TypeError('expected a table that was checked')
      return found
    },
    text(id, make) {
      const found = texts.get(id) ?? make()
      texts.set(id, found)
      return found
    },
  }
  const query = createQuerySql(context)
  const writes = createWriteSql(context)
  return {
    layout: context.layout,
    query(asked, cells) {
      requireQuery(schema.tables, asked)
      return query(asked, cells)
    },
    writes(asked, cells) {
      for (const write of asked) requireWrite(schema.tables, write)
      return writes(asked, cells)
    },
    last(table) {
      const { definition, name } = context.layout(table)
      const [column = ''] = definition.key
      return { text: `SELECT max(${quote(columnName(column))}) AS last FROM ${quote(name)}`, values: [] }
    },
  }
}
