// The stores of notification servers in the test's own process, where storages.mjs is for those of other processes.
import path from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import { openPostgresNotificationStore } from '../../src/postgres.js'
import { openSqliteNotificationStore } from '../../src/sqlite.js'
import type { NotificationStore } from '../../src/store.js'
import type { StorageOf } from './storages.mjs'

export interface OpenedStore {
  readonly store: NotificationStore
  /** Closes the store and what it is in. */
  release(): Promise<void>
}

export async function openNotificationStore(
  storage: StorageOf,
  { poolSize = 4 }: { readonly poolSize?: number | undefined } = {},
): Promise<OpenedStore> {
  if (storage.kind === 'sqlite') {
    const store = await openSqliteNotificationStore(new Database(path.join(storage.folder, 'notifications.db')))
    return { store, release: () => store.close() }
  }
  const { url, schema } = storage
  const pool = new pg.Pool({
    connectionString: url,
    options: `-c search_path=${schema}`,
    pipeline: true,
    max: poolSize,
  })
  // Connections are cut when the database is dropped.
  pool.on('error', () => {})
  const store = await openPostgresNotificationStore(pool, { waitForLock: true })
  return {
    store,
    async release() {
      await store.close()
      await pool.end()
    },
  }
}
