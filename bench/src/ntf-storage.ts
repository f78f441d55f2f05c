// A notification server's database that begins empty, and the rows of its subscriptions inserted once more by the bare library.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { NotificationStore } from '@smpkit/notification-server'
import { openPostgresNotificationStore } from '@smpkit/notification-server/postgres'
import { openSqliteNotificationStore } from '@smpkit/notification-server/sqlite'
import pg from 'pg'
import { testDatabase } from '../../scripts/postgres.mjs'
import { openDatabase } from './sqlite.js'

const table = 'notification_subscriptions'

/** What was in the table, which is empty now. */
export interface Reinsertion {
  readonly rows: number
  /** Inserts so many of the rows, of those that are left, in one transaction that waits for the disk. */
  insert(count: number): void | Promise<void>
}

export interface SubscriptionStorage extends AsyncDisposable {
  open(): Promise<NotificationStore>
  /** The store must be closed. */
  empty(): Promise<Reinsertion>
}

export function sqliteSubscriptions(): SubscriptionStorage {
  const folder = mkdtempSync(path.join(tmpdir(), 'smpkit-bench-'))
  const file = path.join(folder, 'notifications.db')
  let database: ReturnType<typeof openDatabase> | undefined
  return {
    open: () => openSqliteNotificationStore(openDatabase(file)),
    async empty() {
      database = openDatabase(file)
      // As the store has it.
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
      const rows = database.prepare(`SELECT * FROM ${table}`).all() as readonly Record<string, unknown>[]
      database.exec(`DELETE FROM ${table}; PRAGMA wal_checkpoint(TRUNCATE)`)
      const values = rows.map(Object.values)
      const columns = Object.keys(rows[0] ?? {})
      const [begin, commit] = ['BEGIN IMMEDIATE', 'COMMIT'].map((text) => database?.prepare(text))
      const insertion = database.prepare(`INSERT INTO ${table} (${columns}) VALUES (${columns.map(() => '?')})`)
      return {
        rows: rows.length,
        insert(count) {
          begin?.run()
          for (const row of values.splice(-count)) insertion.run(...row)
          commit?.run()
        },
      }
    },
    async [Symbol.asyncDispose]() {
      database?.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** `server`: a URL of one that waits for the disk. */
export async function postgresSubscriptions(server: string): Promise<SubscriptionStorage> {
  const database = await testDatabase(server)
  const pool = new pg.Pool({ connectionString: database.url, max: 2, pipeline: true } as pg.PoolConfig)
  // Connections are cut when the database is dropped.
  pool.on('error', () => {})
  const client = new pg.Client({ connectionString: database.url, pipeline: true } as pg.ClientConfig)
  client.on('error', () => {})
  return {
    open: () => openPostgresNotificationStore(pool as never),
    async empty() {
      await client.connect()
      await client.query('SET synchronous_commit = on')
      const { rows, fields } = await client.query({ text: `SELECT * FROM ${table}`, rowMode: 'array' })
      await client.query(`TRUNCATE ${table}`)
      const places = fields.map((_, i) => `$${i + 1}`)
      const text = `INSERT INTO ${table} (${fields.map(({ name }) => name)}) VALUES (${places})`
      return {
        rows: rows.length,
        async insert(count) {
          // A transaction is one round trip.
          const begun = client.query('BEGIN')
          const inserted = rows.splice(-count).map((values) => client.query({ name: 'insert', text, values }))
          await Promise.all([begun, ...inserted, client.query('COMMIT')])
        },
      }
    },
    async [Symbol.asyncDispose]() {
      await client.end()
      await pool.end()
      await database.drop()
    },
  }
}
