// design.md §5: the store in a database of PostgreSQL, which one process owns at a time.
import { randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import { type Cells, createCells } from './cells.js'
import type { AgentStore, Decision, Found, Queries, Query, StoreOptions } from './contract.js'
import { fromStored } from './layout.js'
import { applyRestored, claim, disown, own } from './postgres-owner.js'
import { encryptAnew, removeOldRows } from './postgres-rekey.js'
import { type PostgresPool, storeError } from './postgres-session.js'
import type { Call, Mark } from './postgres-transaction.js'
import { createWorker, type Worker } from './postgres-worker.js'
import { type AnyRow, copyOf, defaultPageSize, definitionOf, requireLimit, requireQuery } from './rows.js'
import { copyOfStatement, createSql, postgresDialect, type Statement } from './sql.js'
import type { Row, TableName } from './tables.js'

export type { PostgresClient, PostgresPool } from './postgres-session.js'

export interface PostgresStoreOptions {
  /** 32 bytes; without, secrets are not encrypted. */
  readonly key?: Uint8Array | null | undefined
  /** Wait as a stand-by until no other process has the database, in place of `LOCKED`. */
  readonly waitForLock?: boolean | undefined
  /** Ends the opening, and the waiting. */
  readonly signal?: AbortSignal | undefined
}

export interface PostgresStore extends AgentStore {
  /**
   * Encrypts all secrets anew: with another key, with a first one, or (`null`) no longer. The old key opens the database until
   * it is done, the new one from then on: keep the new one safely before, and the old one until this resolves. No other call is carried
   * out meanwhile. Old rows that cannot be removed then (disk full) are removed when the store is opened next. What the server keeps
   * elsewhere (its write-ahead log, backups) is not changed.
   */
  rekey(key: Uint8Array | null): Promise<void>
  /**
   * For a database that was restored from a backup (`pg_restore`): every connection with a ratchet is to be synchronized, because a
   * ratchet that goes back encrypts with keys that were used. Call it before the agent uses the store.
   */
  markRestored(): Promise<void>
}

const sql = createSql(postgresDialect)

/** What the caller changes afterwards changes nothing here. */
function copyOfQuery(query: Query): Query {
  requireQuery(query)
  return 'key' in query ? { ...query, key: copyOf(query.key) } : { ...query, values: copyOf(query.values) }
}

/**
 * The pool stays the caller's. The store takes one connection of it for all that it does and gives that back broken; it takes another
 * when that is lost. The connection must be a session of its own at the server, so a pooler in between must not share it (pgbouncer:
 * `pool_mode = session`). `pipeline: true`, `keepAlive: true` and `connectionTimeoutMillis` suit the pool.
 * While the connection is away, calls reject with a temporary `UNAVAILABLE`.
 * @throws StoreError `LOCKED`, `NEWER`, `CHECKSUM`, `KEY`, `UNAVAILABLE`, or the reason of the signal
 */
export async function openPostgresStore(
  pool: PostgresPool,
  options: PostgresStoreOptions = {},
): Promise<PostgresStore> {
  const cells = createCells(options.key ?? null)
  const owner = await own(pool, options.waitForLock ?? false, options.signal)
  const mark: Mark = { owner: toHex(randomBytes(16)), count: 0 }
  try {
    const { vacuum } = await claim(owner, cells, mark)
    if (vacuum) await removeOldRows(owner.session)
  } catch (error) {
    await disown(owner)
    throw storeError(error)
  }
  return createStore(createWorker(pool, owner, mark), cells)
}

function createStore(worker: Worker, firstCells: Cells): PostgresStore {
  let cells = firstCells

  const rowsOf = (table: TableName, rows: readonly AnyRow[] | undefined) =>
    (rows ?? []).map((row) => fromStored(table, row, cells))

  function callOf<Q extends Queries, R>(queries: Q, decide: (found: Found<Q>) => Decision<R>): Call {
    const all = Object.entries(queries).map(([name, query]) => ({ name, query: copyOfQuery(query) }))
    return {
      reads: () => all.map(({ query }) => sql.query(query, cells)),
      decide(rows) {
        const found = all.map(({ name, query }, i) => {
          const those = rowsOf(query.table, rows[i])
          return [name, 'key' in query ? those[0] : those]
        })
        const { writes, result } = decide(Object.fromEntries(found) as Found<Q>)
        return { writes: writes.map((write) => copyOfStatement(sql.write(write, cells))), result }
      },
    }
  }

  /** Rows of one statement. */
  function select<R>(statement: Statement, result: (rows: readonly AnyRow[]) => R, signal?: AbortSignal): Promise<R> {
    const decide = (rows: readonly AnyRow[][]) => ({ writes: [], result: result(rows[0] ?? []) })
    return worker.read({ reads: () => [statement], decide }, signal) as Promise<R>
  }

  async function* pages<N extends TableName>(table: N, options?: StoreOptions & { readonly size?: number }) {
    requireLimit(options?.size, 1)
    definitionOf(table)
    const size = options?.size ?? defaultPageSize
    for (let after: AnyRow | undefined; ; ) {
      const page = sql.page(table, after, size)
      const rows = await select(page, (found) => rowsOf(table, found), options?.signal)
      if (rows.length > 0) yield rows as unknown as readonly Row<N>[]
      if (rows.length < size) return
      after = rows.at(-1)
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
    async read<Q extends Queries>(queries: Q, options?: StoreOptions) {
      const call = callOf(queries, (result) => ({ writes: [], result }))
      return worker.read(call, options?.signal) as Promise<Found<Q>>
    },
    async atomic<Q extends Queries, R>(queries: Q, decide: (found: Found<Q>) => Decision<R>, options?: StoreOptions) {
      return worker.write(callOf(queries, decide), options?.signal) as Promise<R>
    },
    pages,
    last: (table, options) => select(sql.last(table), (rows) => Number(rows[0]?.last ?? 0), options?.signal),
    async rekey(key) {
      const next = createCells(key)
      await worker.steps(
        (session) => encryptAnew(session, sql, cells, next),
        () => {
          cells = next
        },
      )
      // The new key is the only one from here on, so this does not fail any more: the mark sees to the old rows.
      await worker.outside(removeOldRows).catch(() => undefined)
    },
    async markRestored() {
      await worker.steps(async (session) => {
        await session.run(applyRestored)
      })
    },
    close: worker.close,
    [Symbol.asyncDispose]: worker.close,
  }
}
