// Where a party of these tests keeps its connections: described by plain values, so that another process can open it, too.
import { openMemoryStore } from '@smpkit/agent-store'
import { openPostgresStore } from '@smpkit/agent-store/postgres'
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import Database from 'better-sqlite3'
import pg from 'pg'

/** The store, and what has to be done after it was closed. */
export async function openStorage({ kind, file, url, schema }) {
  if (kind === 'memory') return { store: openMemoryStore(), release: async () => {} }
  if (kind === 'sqlite') return { store: await openSqliteStore(new Database(file)), release: async () => {} }
  const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}`, pipeline: true, max: 1 })
  // Connections are cut when the database is dropped.
  pool.on('error', () => {})
  // The lock of a process that was killed goes when the server has noticed.
  return { store: await openPostgresStore(pool, { waitForLock: true }), release: () => pool.end() }
}
