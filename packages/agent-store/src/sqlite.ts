// design.md §5: the store in one file of SQLite, and in one process at a time.
import { type Cells, createCells } from './cells.js'
import {
  type AgentStore,
  type Decision,
  type Found,
  type Queries,
  type Query,
  StoreConflict,
  StoreError,
  type StoreOptions,
  type Write,
} from './contract.js'
import { fromStored } from './layout.js'
import { type AnyRow, defaultPageSize, definitionOf, requireLimit } from './rows.js'
import { copyOfStatement, createSql, type Statement, sqliteDialect } from './sql.js'
import { writeBackup } from './sqlite-backup.js'
import { createDriver, ignoringErrors, type SqliteDatabase, type SqliteDriver } from './sqlite-driver.js'
import { applyRestored, inTransaction, prepareDatabase, removeOldPages, rollBack } from './sqlite-open.js'
import { encryptAnew } from './sqlite-rekey.js'
import type { Row, TableName } from './tables.js'

export type { SqliteDatabase, SqliteStatement } from './sqlite-driver.js'

export interface SqliteStore extends AgentStore {
  /**
   * Encrypts all secrets anew: with another key, with a first one, or (`null`) no longer. The old key opens the database until
   * it is done, the new one from then on: keep the new one safely before, and the old one until this resolves. No other call is carried
   * out meanwhile; the file needs its size of free space twice. Old pages that cannot be removed then (disk full) are removed when the
   * store is opened next.
   */
  rekey(key: Uint8Array | null): Promise<void>
  /**
   * A consistent copy in a new file, with the same key and a mark: when it is opened, its connections are to be synchronized,
   * because a ratchet that goes back encrypts with keys that were used. `INVALID` if the file is there.
   */
  backup(file: string): Promise<void>
  /** For a copy that was made in another way: call it before the agent uses the store. */
  markRestored(): Promise<void>
}

const sql = createSql(sqliteDialect)

interface Job {
  readonly signal: AbortSignal | undefined
  /** Reads, decides and writes; gives what to call after the commit. */
  run(): () => void
  reject(error: unknown): void
}

/**
 * The database belongs to the store from now on, which closes it, also when it cannot be opened. Until then no other process can have
 * the file open. What the application keeps in the same database is part of no transaction of the store.
 * @throws StoreError `LOCKED`, `NEWER`, `CHECKSUM`, `KEY`, `CORRUPT`, `UNAVAILABLE`
 */
export async function openSqliteStore(
  database: SqliteDatabase,
  { key = null }: { readonly key?: Uint8Array | null | undefined } = {},
): Promise<SqliteStore> {
  const driver = createDriver(database)
  try {
    const cells = createCells(key)
    return createStore(driver, cells, prepareDatabase(driver, cells))
  } catch (error) {
    driver.close()
    throw error
  }
}

function createStore(driver: SqliteDriver, firstCells: Cells, { durable }: { durable: boolean }): SqliteStore {
  let cells = firstCells
  let isClosed = false
  let settle = (_why: undefined): void => {}
  const closed = new Promise<undefined>((resolve) => {
    settle = resolve
  })
  const waiting: Job[] = []
  let scheduled: NodeJS.Immediate | undefined

  function requireOpen(options?: StoreOptions): void {
    if (isClosed) throw new StoreError('CLOSED', 'the store is closed')
    options?.signal?.throwIfAborted()
  }

  /** Their statements as they are now: what the caller changes afterwards changes nothing. */
  function reader<Q extends Queries>(queries: Q): () => Found<Q> {
    const all = Object.entries(queries).map(([name, query]) => ({
      name,
      query,
      statement: copyOfStatement(sql.query(query, cells)),
    }))
    return () =>
      Object.fromEntries(all.map(({ name, query, statement }) => [name, answer(query, statement)])) as Found<Q>
  }

  function answer(query: Query, statement: Statement): AnyRow | undefined | AnyRow[] {
    const rows = driver.all(statement).map((stored) => fromStored(query.table, stored, cells))
    return 'key' in query ? rows[0] : rows
  }

  function carryOut(write: Write): void {
    const statement = sql.write(write, cells)
    const changes = driver.run(statement)
    if (statement.conflict !== undefined && changes !== 1) throw new StoreConflict(statement.conflict)
  }

  /** One that fails takes back its own writes only. */
  function runAlone(job: Job): (() => void) | undefined {
    driver.run({ text: 'SAVEPOINT job', values: [] })
    try {
      const settleJob = job.run()
      driver.run({ text: 'RELEASE job', values: [] })
      return settleJob
    } catch (error) {
      try {
        driver.run({ text: 'ROLLBACK TO job', values: [] })
        driver.run({ text: 'RELEASE job', values: [] })
      } catch {
        // A full disk and the like have ended the whole transaction.
        throw error
      }
      job.reject(error)
      return undefined
    }
  }

  /** All that wait share one transaction, and so one wait for the disk. */
  function flush(): void {
    if (scheduled !== undefined) clearImmediate(scheduled)
    scheduled = undefined
    const jobs = waiting.splice(0).filter((job) => {
      if (job.signal?.aborted) job.reject(job.signal.reason)
      return !job.signal?.aborted
    })
    if (jobs.length === 0) return
    try {
      driver.run({ text: 'BEGIN IMMEDIATE', values: [] })
      const settled = jobs.map(runAlone)
      driver.run({ text: 'COMMIT', values: [] })
      for (const settleJob of settled) settleJob?.()
    } catch (error) {
      rollBack(driver)
      for (const job of jobs) job.reject(error)
    }
  }

  function atomic<Q extends Queries, R>(
    queries: Q,
    decide: (found: Found<Q>) => Decision<R>,
    options?: StoreOptions,
  ): Promise<R> {
    return new Promise((resolve, reject) => {
      requireOpen(options)
      const read = reader(queries)
      const run = () => {
        const { writes, result } = decide(read())
        for (const write of writes) carryOut(write)
        return () => resolve(result)
      }
      waiting.push({ signal: options?.signal, run, reject })
      scheduled ??= setImmediate(flush)
    })
  }

  async function* pages<N extends TableName>(table: N, options?: StoreOptions & { readonly size?: number }) {
    requireLimit(options?.size, 1)
    definitionOf(table)
    const size = options?.size ?? defaultPageSize
    for (let after: AnyRow | undefined; ; ) {
      requireOpen(options)
      const rows = driver.all(sql.page(table, after, size)).map((stored) => fromStored(table, stored, cells))
      if (rows.length > 0) yield rows as unknown as readonly Row<N>[]
      if (rows.length < size) return
      after = rows.at(-1)
      // A large table does not keep everybody else waiting.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** For what needs the database for itself. */
  function alone(work: () => void): void {
    requireOpen()
    flush()
    work()
  }

  return {
    supports: {
      durable,
      get encrypted() {
        return cells.keyId !== ''
      },
    },
    closed,
    atomic,
    pages,
    async read(queries, options) {
      requireOpen(options)
      return reader(queries)()
    },
    async last(table, options) {
      requireOpen(options)
      return Number(driver.all(sql.last(table))[0]?.last ?? 0)
    },
    async rekey(key) {
      const next = createCells(key)
      alone(() => {
        inTransaction(driver, () => encryptAnew(driver, sql, cells, next))
        cells = next
        // The new key is the only one from here on, so this does not fail any more: the mark sees to the old pages.
        ignoringErrors(() => removeOldPages(driver))
      })
    },
    async backup(file) {
      alone(() => writeBackup(driver, file))
    },
    async markRestored() {
      alone(() => inTransaction(driver, () => applyRestored(driver)))
    },
    async close() {
      if (isClosed) return
      isClosed = true
      flush()
      driver.close()
      settle(undefined)
    },
    async [Symbol.asyncDispose]() {
      await this.close()
    },
  }
}
