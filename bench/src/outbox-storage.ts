// A notification server's database whose statements can be recorded, readings too, and a copy on which the bare library repeats them.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { NotificationStore } from '@smpkit/notification-server'
import { openPostgresNotificationStore, type PostgresClient } from '@smpkit/notification-server/postgres'
import {
  openSqliteNotificationStore,
  type SqliteDatabase,
  type SqliteStatement,
} from '@smpkit/notification-server/sqlite'
import pg from 'pg'
import { testDatabase } from '../../scripts/postgres.mjs'
import type { Written } from './recorded.js'
import { openDatabase } from './sqlite.js'

export interface PushStorage extends AsyncDisposable {
  open(): Promise<NotificationStore>
  /** Makes the copy. The store must be closed. */
  copy(): Promise<void>
  /** From now on statements are kept, until `take`. */
  record(): void
  take(): readonly Written[]
  /** Carries them out on the copy, in their order, in so many transactions. */
  replay(statements: readonly Written[], transactions: number): Promise<void>
}

/** What is about transactions, and not about rows. */
const isControl = (text: string) => /^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET|PRAGMA)/.test(text)

function inTransactions(statements: readonly Written[], transactions: number): Written[][] {
  const size = Math.ceil(statements.length / transactions)
  return Array.from({ length: Math.ceil(statements.length / size) }, (_, i) =>
    statements.slice(i * size, (i + 1) * size),
  )
}

export async function sqliteStorage(): Promise<PushStorage> {
  const folder = mkdtempSync(path.join(tmpdir(), 'smpkit-bench-'))
  const [file, copyFile] = [path.join(folder, 'notifications.db'), path.join(folder, 'copy.db')]
  let recorded: Written[] | undefined
  const prepared = new Map<string, SqliteStatement>()
  let copy: SqliteDatabase | undefined

  function prepare(database: SqliteDatabase, text: string): SqliteStatement {
    const statement = database.prepare(text)
    if (isControl(text)) return statement
    const record = (values: readonly unknown[]) => recorded?.push({ text, values })
    return {
      run(...values) {
        record(values)
        return statement.run(...values)
      },
      all(...values) {
        record(values)
        return statement.all(...values)
      },
    }
  }

  function repeat(database: SqliteDatabase, { text, values }: Written): void {
    const statement = prepared.get(text) ?? database.prepare(text)
    prepared.set(text, statement)
    if (/^(SELECT|WITH)/.test(text)) statement.all(...values)
    else statement.run(...values)
  }

  return {
    open() {
      const database = openDatabase(file)
      return openSqliteNotificationStore({
        prepare: (text) => prepare(database, text),
        exec: (sql) => database.exec(sql),
        close: () => database.close(),
      })
    },
    async copy() {
      copyFileSync(file, copyFile)
      copy = openDatabase(copyFile)
      copy.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    },
    record() {
      recorded = []
    },
    take() {
      const statements = recorded ?? []
      recorded = undefined
      return statements
    },
    async replay(statements, transactions) {
      if (!copy) throw new Error('expected a copy to have been made')
      for (const some of inTransactions(statements, transactions)) {
        copy.exec('BEGIN IMMEDIATE')
        for (const one of some) repeat(copy, one)
        copy.exec('COMMIT')
      }
    },
    async [Symbol.asyncDispose]() {
      copy?.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Without what the store needs beside the writes: a check of how many rows changed. */
const bare = (text: string): string => /^WITH changed AS \((.*) RETURNING 1\) SELECT/s.exec(text)?.[1] ?? text

const poolOf = (connectionString: string): pg.Pool => {
  const pool = new pg.Pool({ connectionString, max: 2, pipeline: true } as pg.PoolConfig)
  // Connections are cut when the database is dropped.
  pool.on('error', () => {})
  return pool
}

/** `server`: a URL of one that waits for the disk. */
export async function postgresStorage(server: string): Promise<PushStorage> {
  const database = await testDatabase(server)
  const copyUrl = new URL(database.url)
  copyUrl.pathname += '_copy'
  let recorded: Written[] | undefined
  const names = new Map<string, string>()
  let pool: pg.Pool | undefined
  let copy: pg.Client | undefined

  async function onServer(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    await client.query(statement)
    await client.end()
  }

  async function connect(): Promise<PostgresClient> {
    const client = (await pool?.connect()) as unknown as PostgresClient
    return {
      query(query) {
        const { text, values = [] } = query
        // The mark of who owns the database is a matter of the store's own.
        if (!isControl(text) && !text.includes('_meta')) recorded?.push({ text: bare(text), values })
        return client.query(query)
      },
      on: (event, listener) => client.on(event, listener),
      release: (destroy) => client.release(destroy),
      pipeline: client.pipeline ?? false,
    }
  }

  function repeat({ text, values }: Written) {
    const name = names.get(text) ?? `s${names.size}`
    names.set(text, name)
    return copy?.query(values.length > 0 ? { text, name, values: [...values] } : { text })
  }

  return {
    open() {
      pool = poolOf(database.url)
      return openPostgresNotificationStore({ connect })
    },
    async copy() {
      await pool?.end()
      await onServer(`CREATE DATABASE ${copyUrl.pathname.slice(1)} TEMPLATE ${new URL(database.url).pathname.slice(1)}`)
      copy = new pg.Client({ connectionString: copyUrl.href, pipeline: true } as pg.ClientConfig)
      await copy.connect()
      // As the store has it: look-ups by an index, also in tables that were never analyzed.
      await copy.query('SET synchronous_commit = on')
      for (const plan of ['seqscan', 'hashjoin', 'mergejoin']) await copy.query(`SET enable_${plan} = off`)
    },
    record() {
      recorded = []
    },
    take() {
      const statements = recorded ?? []
      recorded = undefined
      return statements
    },
    async replay(statements, transactions) {
      const [begin, commit] = ['BEGIN', 'COMMIT'].map((text) => ({ text, values: [] }))
      // A transaction is one round trip.
      for (const some of inTransactions(statements, transactions)) {
        await Promise.all([begin, ...some, commit].map((one) => one && repeat(one)))
      }
    },
    async [Symbol.asyncDispose]() {
      await copy?.end()
      await pool?.end()
      await onServer(`DROP DATABASE IF EXISTS ${copyUrl.pathname.slice(1)} WITH (FORCE)`)
      await database.drop()
    },
  }
}
