// design.md §5: the store in one file of SQLite, and in one process at a time.
import { openSqliteTables, type SqliteOptions, type SqliteTables } from '@smpkit/agent-store/internal'
import type { SqliteDatabase } from '@smpkit/agent-store/sqlite'
import type { NotificationStore } from './store.js'
import { lastLetterOf, notificationStore } from './table-store.js'
import { schema, type Tables } from './tables.js'

export type { SqliteDatabase, SqliteStatement } from '@smpkit/agent-store/sqlite'

/** A restored copy, made by `backup` or marked, is one of a server that did not stop orderly. */
export interface SqliteNotificationStore
  extends NotificationStore,
    Pick<SqliteTables<Tables>, 'supports' | 'rekey' | 'backup' | 'markRestored'> {}

/**
 * The database belongs to the store from now on, which closes it, also when it cannot be opened. Until then no other process can have
 * the file open, and no other store be in it.
 * @throws StoreError `LOCKED`, `NEWER`, `CHECKSUM`, `KEY`, `CORRUPT`, `UNAVAILABLE`
 */
export async function openSqliteNotificationStore(
  database: SqliteDatabase,
  options?: SqliteOptions,
): Promise<SqliteNotificationStore> {
  const store = await openSqliteTables(schema, database, options)
  try {
    return {
      ...notificationStore(store, await lastLetterOf(store)),
      supports: store.supports,
      rekey: store.rekey,
      backup: store.backup,
      markRestored: store.markRestored,
    }
  } catch (error) {
    await store.close()
    throw error
  }
}
