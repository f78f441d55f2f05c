// design.md §5: the store of an agent in a database of PostgreSQL, which one process owns at a time.
import { agentSchema } from './agent-schema.js'
import type { PostgresPool } from './postgres-session.js'
import { openPostgresTables, type PostgresOptions, type PostgresTables } from './postgres-tables.js'
import type { Tables } from './tables.js'

export type { PostgresClient, PostgresPool } from './postgres-session.js'

export type PostgresStoreOptions = PostgresOptions

/**
 * A database that was restored, and marked: its connections are to be synchronized, because a ratchet that goes back encrypts with keys
 * that were used.
 */
export type PostgresStore = PostgresTables<Tables>

/**
 * The pool stays the caller's. The store takes one connection of it for all that it does and gives that back broken; it takes another
 * when that is lost. The connection must be a session of its own at the server, so a pooler in between must not share it (pgbouncer:
 * `pool_mode = session`). `pipeline: true`, `keepAlive: true` and `connectionTimeoutMillis` suit the pool.
 * While the connection is away, calls reject with a temporary `UNAVAILABLE`.
 * @throws StoreError `LOCKED`, `NEWER`, `CHECKSUM`, `KEY`, `UNAVAILABLE`, or the reason of the signal
 */
export const openPostgresStore = (pool: PostgresPool, options?: PostgresStoreOptions): Promise<PostgresStore> =>
  openPostgresTables(agentSchema, pool, options)
