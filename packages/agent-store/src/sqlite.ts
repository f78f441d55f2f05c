// design.md §5: the store of an agent in one file of SQLite, and in one process at a time.
import { agentSchema } from './agent-schema.js'
import type { SqliteDatabase } from './sqlite-driver.js'
import { openSqliteTables, type SqliteOptions, type SqliteTables } from './sqlite-tables.js'
import type { Tables } from './tables.js'

export type { SqliteDatabase, SqliteStatement } from './sqlite-driver.js'

/**
 * A copy that `backup` made, or that was marked: its connections are to be synchronized, because a ratchet that goes back encrypts with keys
 * that were used.
 */
export type SqliteStore = SqliteTables<Tables>

/**
 * The database belongs to the store from now on, which closes it, also when it cannot be opened. Until then no other process can have
 * the file open. What the application keeps in the same database is part of no transaction of the store.
 * @throws StoreError `LOCKED`, `NEWER`, `CHECKSUM`, `KEY`, `CORRUPT`, `UNAVAILABLE`
 */
export const openSqliteStore = (database: SqliteDatabase, options?: SqliteOptions): Promise<SqliteStore> =>
  openSqliteTables(agentSchema, database, options)
