// design.md §5: the store in a database of PostgreSQL, which one process owns at a time.
import { openPostgresTables, type PostgresOptions, type PostgresTables } from '@smpkit/agent-store/internal'
import type { PostgresPool } from '@smpkit/agent-store/postgres'
import type { NotificationStore } from './store.js'
import { lastLetterOf, notificationStore } from './table-store.js'
import { schema, type Tables } from './tables.js'

export type { PostgresClient, PostgresPool } from '@smpkit/agent-store/postgres'

/** A database that was restored, and marked, is one of a server that did not stop orderly. */
export interface PostgresNotificationStore
  extends NotificationStore,
    Pick<PostgresTables<Tables>, 'supports' | 'rekey' | 'markRestored'> {}

/**
 * The pool stays the caller's: see `openPostgresStore` of `@smpkit/agent-store/postgres`. That one can be in the same database.
 * When another process has taken the database, `closed` settles with `LOCKED`.
 * @throws StoreError `LOCKED`, `NEWER`, `CHECKSUM`, `KEY`, `UNAVAILABLE`, or the reason of the signal
 */
export async function openPostgresNotificationStore(
  pool: PostgresPool,
  options?: PostgresOptions,
): Promise<PostgresNotificationStore> {
  const store = await openPostgresTables(schema, pool, options)
  try {
    return {
      ...notificationStore(store, await lastLetterOf(store)),
      supports: store.supports,
      rekey: store.rekey,
      markRestored: store.markRestored,
    }
  } catch (error) {
    await store.close()
    throw error
  }
}
