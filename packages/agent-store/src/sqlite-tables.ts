// design.md §5: tables in one file of SQLite, and in one process at a time.
import { type Cells, createCells } from './cells.js'
import { StoreConflict, StoreError } from './errors.js'
import { fromStored } from './layout.js'
import { keyText } from './order.js'
import type { AnyRow, Decision, FoundIn, QueriesOf, Query, ReferredQuery, Write } from './queries.js'
import { defaultPageSize, definitionOf, requireLimit, requireQuery, valuesOf } from './rows.js'
import type { Schema } from './schema.js'
import { createSql } from './sql.js'
import { copyOfStatement, type Statement, sqliteDialect } from './sql-text.js'
import { writeBackup } from './sqlite-backup.js'
import { createDriver, ignoringErrors, type SqliteDatabase, type SqliteDriver } from './sqlite-driver.js'
import { applyRestored, inTransaction, prepareDatabase, removeOldPages, rollBack } from './sqlite-open.js'
import { encryptAnew } from './sqlite-rekey.js'
import type { TableSet } from './table.js'
import type { StoreOptions, TableStore } from './table-store.js'

export interface SqliteOptions {
  /** 32 bytes; without, secrets are not encrypted. */
  readonly key?: Uint8Array | null | undefined
}

export interface SqliteTables<T extends TableSet> extends TableStore<T> {
  /**
   * Encrypts all secrets anew: with another key, with a first one, or (`null`) no longer. The old key opens the database until
   * it is done, the new one from then on: keep the new one safely before, and the old one until this resolves. No other call is carried
   * out meanwhile; the file needs its size of free space twice. Old pages that cannot be removed then (disk full) are removed when the
   * store is opened next.
   */
  rekey(key: Uint8Array | null): Promise<void>
  /**
   * A consistent copy in a new file, with the same key and a mark: when it is opened, what the schema demands of a restored copy is
   * done. `INVALID` if the file is there.
   */
  backup(file: string): Promise<void>
  /** For a copy that was made in another way: call it before the store is used. */
  markRestored(): Promise<void>
}

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
export async function openSqliteTables<T extends TableSet>(
  schema: Schema<T>,
  database: SqliteDatabase,
  { key = null }: SqliteOptions = {},
): Promise<SqliteTables<T>> {
  const driver = createDriver(database)
  try {
    const cells = createCells(schema.name, key)
    return createStore(schema, driver, cells, prepareDatabase(driver, schema, cells))
  } catch (error) {
    driver.close()
    throw error
  }
}

function createStore<T extends TableSet>(
  schema: Schema<T>,
  driver: SqliteDriver,
  firstCells: Cells,
  { durable }: { durable: boolean },
): SqliteTables<T> {
  const sql = createSql(schema, sqliteDialect)
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
  function reader<F>(queries: Readonly<Record<string, Query>>): () => F {
    const answers = new Map<Query, () => unknown>()
    const prepare = (query: Query) => {
      const by = 'by' in query ? query.by : query
      if (!answers.has(by)) answers.set(by, answerOf(by, sql.query(by, cells).map(copyOfStatement)))
    }
    const all = Object.entries(queries)
    for (const [, query] of all) {
      requireQuery(schema.tables, query)
      prepare(query)
    }
    return () => {
      const found = new Map([...answers].map(([query, answer]) => [query, answer()]))
      const answer = (query: Query) =>
        'by' in query ? referred(query, found.get(query.by) as AnyRow[]) : found.get(query)
      return Object.fromEntries(all.map(([name, query]) => [name, answer(query)])) as F
    }
  }

  /** Very many rows may refer to few. */
  function referred({ table, column }: ReferredQuery, rows: readonly AnyRow[]): AnyRow[] {
    const name = sql.layout(table).definition.key[0] ?? ''
    const referring = rows.filter((row) => row[column] !== null)
    const byText = new Map(referring.map((row) => [keyText([column], row), row[column]]))
    const keys = [...byText.values()].map((key) => ({ [name]: key }))
    const query: Query = { table, keys }
    return answerOf(query, sql.query(query, cells))() as AnyRow[]
  }

  function answerOf(query: Query, statements: readonly Statement[]): () => unknown {
    const layout = sql.layout(query.table)
    const stored = () => statements.flatMap((statement) => driver.all(statement))
    const rows = () => stored().map((row) => fromStored(layout, row, cells))
    if ('count' in query) return () => stored().reduce((sum, { count }) => sum + Number(count), 0)
    return 'key' in query ? () => rows()[0] : rows
  }

  function carryOut(writes: readonly Write[]): void {
    for (const statement of sql.writes(writes, cells)) {
      const changes = driver.run(statement)
      if (statement.conflict !== undefined && changes !== 1) throw new StoreConflict(statement.conflict)
    }
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

  function atomic<F, R>(
    queries: Readonly<Record<string, Query>>,
    decide: (found: F) => Decision<R>,
    options?: StoreOptions,
  ): Promise<R> {
    return new Promise((resolve, reject) => {
      requireOpen(options)
      const read = reader<F>(queries)
      const run = () => {
        const { writes, result } = decide(read())
        carryOut(writes)
        return () => resolve(result)
      }
      waiting.push({ signal: options?.signal, run, reject })
      scheduled ??= setImmediate(flush)
    })
  }

  async function* pages(table: string, options?: StoreOptions & { readonly size?: number }) {
    requireLimit(options?.size, 1)
    const { key } = definitionOf(schema.tables, table)
    const size = options?.size ?? defaultPageSize
    for (let after: AnyRow | null = null; ; ) {
      requireOpen(options)
      const rows: readonly AnyRow[] = reader<{ rows: AnyRow[] }>({ rows: { table, after, limit: size } })().rows
      if (rows.length > 0) yield rows as never
      const last = rows.at(-1)
      if (last === undefined || rows.length < size) return
      after = valuesOf(key, last)
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
    async read<Q extends QueriesOf<T>>(queries: Q, options?: StoreOptions) {
      requireOpen(options)
      return reader<FoundIn<T, Q>>(queries)()
    },
    async last(table, options) {
      requireOpen(options)
      return Number(driver.all(sql.last(table))[0]?.last ?? 0)
    },
    async rekey(key) {
      const next = createCells(schema.name, key)
      alone(() => {
        inTransaction(driver, () => encryptAnew(driver, schema, sql, cells, next))
        cells = next
        // The new key is the only one from here on, so this does not fail any more: the mark sees to the old pages.
        ignoringErrors(() => removeOldPages(driver, schema))
      })
    },
    async backup(file) {
      alone(() => writeBackup(driver, schema, file))
    },
    async markRestored() {
      alone(() => inTransaction(driver, () => applyRestored(driver, schema)))
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
