// The tables of an application in the database of its agent, whichever it is.
import type { SqliteDatabase } from '@smpkit/agent-store/sqlite'

export type SqlValue = string | number
export type SqlRow = Readonly<Record<string, unknown>>

/** Runs one statement with `?` for its values, and gives the rows that it returns. */
export type Sql = (statement: string, ...values: readonly SqlValue[]) => Promise<readonly SqlRow[]>

/** The store's own database object: each statement is a transaction of its own, between those of the store. */
export function sqliteSql(database: SqliteDatabase): Sql {
  return async (statement, ...values) => {
    const prepared = database.prepare(statement)
    if (/^SELECT\b|\bRETURNING\b/.test(statement)) return prepared.all(...values) as SqlRow[]
    prepared.run(...values)
    return []
  }
}

interface Queryable {
  query(text: string, values: unknown[]): Promise<{ rows: SqlRow[] }>
}

export function postgresSql(pool: Queryable): Sql {
  return async (statement, ...values) => {
    let number = 0
    return (
      await pool.query(
        statement.replace(/\?/g, () => `$${++number}`),
        [...values],
      )
    ).rows
  }
}
