// design.md §5: tables in a database of PostgreSQL, which one process owns at a time.
import { randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import { type Cells, createCells } from './cells.js'
import { fromStored } from './layout.js'
import { applyRestored, claim, disown, own } from './postgres-owner.js'
import { encryptAnew, removeOldRows } from './postgres-rekey.js'
import { type PostgresPool, storeError } from './postgres-session.js'
import type { Call, Mark } from './postgres-transaction.js'
import { createWorker, type Worker } from './postgres-worker.js'
import type { AnyRow, Decision, FoundIn, QueriesOf, Query } from './queries.js'
import { copyOf, defaultPageSize, definitionOf, requireLimit, requireQuery, valuesOf } from './rows.js'
import type { Schema } from './schema.js'
import { createSql } from './sql.js'
import { copyOfStatement, postgresDialect } from './sql-text.js'
import type { TableSet } from './table.js'
import type { StoreOptions, TableStore } from './table-store.js'

export interface PostgresOptions {
  /** 32 bytes; without, secrets are not encrypted. */
  readonly key?: Uint8Array | null | undefined
  /** Wait as a stand-by until no other process has the database, in place of `LOCKED`. */
  readonly waitForLock?: boolean | undefined
  /**
   * When the connection is lost, the store ends: `closed` settles at once with a temporary `UNAVAILABLE`. For who has to stop something
   * before another process can have the database. Otherwise it takes another connection, and ends only if the database was taken.
   */
  readonly endWhenLost?: boolean | undefined
  /** Ends the opening, and the waiting. */
  readonly signal?: AbortSignal | undefined
}

export interface PostgresTables<T extends TableSet> extends TableStore<T> {
  /**
   * Encrypts all secrets anew: with another key, with a first one, or (`null`) no longer. The old key opens the database until
   * it is done, the new one from then on: keep the new one safely before, and the old one until this resolves. No other call is carried
   * out meanwhile. Old rows that cannot be removed then (disk full) are removed when the store is opened next. What the server keeps
   * elsewhere (its write-ahead log, backups) is not changed.
   */
  rekey(key: Uint8Array | null): Promise<void>
  /**
   * For a database that was restored from a backup (`pg_restore`): does what the schema demands of a
   * restored copy. Call it before the store is used.
   */
  markRestored(): Promise<void>
}

/**
 * The pool stays the caller's. The store takes one connection of it for all that it does and gives that back broken; it takes another
 * when that is lost. The connection must be a session of its own at the server, so a pooler in between must not share it (pgbouncer:
 * `pool_mode = session`). `pipeline: true`, `keepAlive: true` and `connectionTimeoutMillis` suit the pool.
 * While the connection is away, calls reject with a temporary `UNAVAILABLE`.
 * @throws StoreError `LOCKED`, `NEWER`, `CHECKSUM`, `KEY`, `UNAVAILABLE`, or the reason of the signal
 */
export async function openPostgresTables<T extends TableSet>(
  schema: Schema<T>,
  pool: PostgresPool,
  options: PostgresOptions = {},
): Promise<PostgresTables<T>> {
  const cells = createCells(schema.name, options.key ?? null)
  const owner = await own(schema, pool, options.waitForLock ?? false, options.signal)
  const mark: Mark = { schema, owner: toHex(randomBytes(16)), count: 0 }
  try {
    const { vacuum } = await claim(owner, cells, mark)
    if (vacuum) await removeOldRows(owner.session, schema)
  } catch (error) {
    await disown(owner)
    throw storeError(error)
  }
  return createStore(schema, createWorker(pool, owner, mark, options.endWhenLost), cells)
}

function createStore<T extends TableSet>(schema: Schema<T>, worker: Worker, firstCells: Cells): PostgresTables<T> {
  const sql = createSql(schema, postgresDialect)
  let cells = firstCells

  /** From the rows of its statements to what a query finds. */
  function answerOf(query: Query, stored: readonly AnyRow[]): unknown {
    if ('count' in query) return Number(stored[0]?.count ?? 0)
    const layout = sql.layout(query.table)
    const rows = stored.map((row) => fromStored(layout, row, cells))
    return 'key' in query ? rows[0] : rows
  }

  function callOf<F>(queries: Readonly<Record<string, Query>>, decide: (found: F) => Decision<unknown>): Call {
    for (const query of Object.values(queries)) requireQuery(schema.tables, query)
    const all = Object.entries(copyOf(queries)).map(([name, query]) => ({ name, query }))
    const statements = () => all.map(({ query }) => sql.query(query, cells))
    return {
      reads: () => statements().flat(),
      decide(rows) {
        let at = 0
        const found = all.map(({ name, query }) => {
          const count = sql.query(query, cells).length
          const stored = rows.slice(at, at + count).flat()
          at += count
          return [name, answerOf(query, stored)]
        })
        const { writes, result } = decide(Object.fromEntries(found) as F)
        return { writes: sql.writes(writes, cells).map(copyOfStatement), result }
      },
    }
  }

  function read<F>(queries: Readonly<Record<string, Query>>, signal: AbortSignal | undefined): Promise<F> {
    const call = callOf<F>(queries, (result) => ({ writes: [], result }))
    return worker.read(call, signal) as Promise<F>
  }

  async function* pages(table: string, options?: StoreOptions & { readonly size?: number }) {
    requireLimit(options?.size, 1)
    const { key } = definitionOf(schema.tables, table)
    const size = options?.size ?? defaultPageSize
    for (let after: AnyRow | null = null; ; ) {
      const page = { rows: { table, after, limit: size } }
      const { rows }: { readonly rows: readonly AnyRow[] } = await read(page, options?.signal)
      if (rows.length > 0) yield rows as never
      const last = rows.at(-1)
      if (last === undefined || rows.length < size) return
      after = valuesOf(key, last)
    }
  }

  return {
    supports: {
      durable: true,
      get encrypted() {
        return cells.keyId !== ''
      },
    },
    closed: worker.closed,
    async read<Q extends QueriesOf<T>>(queries: Q, options?: StoreOptions) {
      return read<FoundIn<T, Q>>(queries, options?.signal)
    },
    async atomic<Q extends QueriesOf<T>, R>(
      queries: Q,
      decide: (found: FoundIn<T, Q>) => Decision<R>,
      options?: StoreOptions,
    ) {
      return worker.write(callOf(queries, decide), options?.signal) as Promise<R>
    },
    pages,
    async last(table, options) {
      const decide = ([rows]: readonly AnyRow[][]) => ({ writes: [], result: Number(rows?.[0]?.last ?? 0) })
      return worker.read({ reads: () => [sql.last(table)], decide }, options?.signal) as Promise<number>
    },
    async rekey(key) {
      const next = createCells(schema.name, key)
      await worker.steps(
        (session) => encryptAnew(session, schema, sql, cells, next),
        () => {
          cells = next
        },
      )
      // The new key is the only one from here on, so this does not fail any more: the mark sees to the old rows.
      await worker.outside((session) => removeOldRows(session, schema)).catch(() => undefined)
    },
    async markRestored() {
      await worker.steps(async (session) => {
        await session.run(applyRestored(schema))
      })
    },
    close: worker.close,
    [Symbol.asyncDispose]: worker.close,
  }
}
