// design.md §5: one process owns a database: an advisory lock of the connection that writes, migrations, key, restored copies.
import type { Cells } from './cells.js'
import { StoreError } from './errors.js'
import { type MetaName, putMeta, removeMeta, requireKeyId, selectMeta } from './meta.js'
import {
  type AppliedMigration,
  createMigrationTable,
  pendingMigrations,
  recordMigration,
  selectMigrations,
} from './migrate.js'
import { openSession, type PostgresPool, type Session, statement, storeError } from './postgres-session.js'
import { type Mark, markValue } from './postgres-transaction.js'
import type { Schema } from './schema.js'
import { postgresDialect } from './sql-text.js'

/** A connection at the server, also after it has become another one's process id. */
export interface Backend {
  readonly pid: number
  readonly started: string
}

export interface Owner {
  readonly session: Session
  readonly backend: Backend
}

/** A schema of PostgreSQL has one store of each kind. */
const tryLock = ({ lock }: Schema) =>
  statement(`SELECT pg_try_advisory_lock(${lock}, hashtext(coalesce(current_schema(), ''))) AS locked`)
const selectBackend = statement(
  'SELECT pid, extract(epoch FROM backend_start)::text AS started FROM pg_stat_activity WHERE pid = pg_backend_pid()',
)
/** The connection that we have lost may still be there for the server. */
const endBackend = ({ pid, started }: Backend) =>
  statement(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity ' +
      'WHERE pid = $1 AND extract(epoch FROM backend_start)::text = $2',
    [pid, started],
  )

/** How often a stand-by asks for the lock, in milliseconds. */
const standByInterval = 250

/** Rejects with the reason of the signal. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** `late` is called with a value that comes after the signal. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  late: (value: T) => void,
): Promise<T> {
  if (!signal) return promise
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } catch (error) {
    if (signal.aborted) promise.then(late, () => {})
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/**
 * Connects and takes the lock, at once or as a stand-by, which also waits while the database is away.
 * @throws StoreError `LOCKED`, `UNAVAILABLE`, or the reason of the signal
 */
export async function own(
  schema: Schema,
  pool: PostgresPool,
  standBy: boolean,
  signal: AbortSignal | undefined,
): Promise<Owner> {
  for (;;) {
    signal?.throwIfAborted()
    let session: Session | undefined
    try {
      session = await unlessAborted(openSession(pool), signal, (late) => late.close())
      for (;;) {
        const [locked, backend] = await session.run([tryLock(schema), selectBackend])
        if (locked?.[0]?.locked === true) return { session, backend: backend?.[0] as unknown as Backend }
        if (!standBy) throw new StoreError('LOCKED', 'another process has the database: one at a time')
        await pause(standByInterval, signal)
      }
    } catch (error) {
      session?.close()
      signal?.throwIfAborted()
      const known = storeError(error)
      if (!standBy || !known.temporary) throw known
    }
    await pause(standByInterval, signal)
  }
}

/** What a process finds that has lost its connection. */
export interface Found {
  /** The database is ours again. */
  readonly owner?: Owner
  /** The connection that we had is still about to end. */
  readonly ending?: boolean
  /** How many transactions of ours were committed; `undefined` if two others have owned the database since. */
  readonly count: number | undefined
  /**
   * The database is ours, and has not got all that was committed: it has gone back to an earlier state, or to a replica that had
   * not got everything. It is marked as restored.
   */
  readonly isOlder?: boolean
}

/** Rejects while the database is away. */
export async function ownAgain(pool: PostgresPool, last: Backend, mark: Mark): Promise<Found> {
  const { schema } = mark
  const session = await openSession(pool)
  try {
    // Asked before the lock: if it is not there any more, whoever has the lock is another.
    const [ended] = await session.run([endBackend(last)])
    const [locked, backend, meta] = await session.run([tryLock(schema), selectBackend, statement(selectMeta(schema))])
    const values = new Map(meta?.map(({ name, value }) => [name, String(value)]))
    const counts = ['owner', 'previousOwner'].map((name) => {
      const [id, count] = (values.get(name) ?? '').split(' ')
      return id === mark.owner ? Number(count) : undefined
    })
    if (locked?.[0]?.locked === true && counts[0] !== undefined) {
      if (counts[0] < mark.count) {
        await session.run([setMeta(schema, 'restored', 'yes')])
        session.close()
        return { count: counts[0], isOlder: true }
      }
      return { owner: { session, backend: backend?.[0] as unknown as Backend }, count: counts[0] }
    }
    session.close()
    return { ending: locked?.[0]?.locked !== true && ended?.length !== 0, count: counts[0] ?? counts[1] }
  } catch (error) {
    session.close()
    throw error
  }
}

/** Ends the connection, and frees the lock before: the server would do that too, but later. */
export async function disown({ session }: Owner): Promise<void> {
  const unlock = statement('SELECT pg_advisory_unlock_all()')
  if (!session.isGone) await session.run([statement('ROLLBACK'), unlock]).catch(() => undefined)
  session.close()
}

async function migrate(session: Session, schema: Schema): Promise<void> {
  await session.run([statement(createMigrationTable(schema))])
  const [rows] = await session.run([statement(selectMigrations(schema))])
  const applied = (rows ?? []) as unknown as readonly AppliedMigration[]
  const pending = pendingMigrations(applied, postgresDialect, schema.migrations)
  for (const { number, name, checksum, text } of pending) {
    await session.run([statement(text), statement(recordMigration(schema, postgresDialect), [number, name, checksum])])
  }
}

export const setMeta = (schema: Schema, name: MetaName, value: string) =>
  statement(putMeta(schema, postgresDialect), [name, value])
export const clearMeta = (schema: Schema, name: MetaName) => statement(removeMeta(schema, postgresDialect), [name])

/** What a restored copy needs. */
export const applyRestored = (schema: Schema) => [
  ...schema.onRestore.map((text) => statement(text)),
  clearMeta(schema, 'restored'),
]

/**
 * Brings the database up to date and writes the mark into it. `vacuum` tells that it has old rows that are not encrypted with the key.
 * @throws StoreError `NEWER`, `CHECKSUM`, `KEY`, `UNAVAILABLE`
 */
export async function claim({ session }: Owner, cells: Cells, mark: Mark): Promise<{ vacuum: boolean }> {
  const { schema } = mark
  await session.run([statement('BEGIN')])
  await migrate(session, schema)
  const [rows] = await session.run([statement(selectMeta(schema))])
  const meta = new Map(rows?.map(({ name, value }) => [name, String(value)]))
  requireKeyId(meta.get('keyId'), cells)
  await session.run([
    setMeta(schema, 'keyId', cells.keyId),
    ...(meta.has('restored') ? applyRestored(schema) : []),
    // For who had it and does not know yet whether its last commit was carried out.
    setMeta(schema, 'previousOwner', meta.get('owner') ?? ''),
    setMeta(schema, 'owner', markValue(mark)),
    statement('COMMIT'),
  ])
  return { vacuum: meta.has('vacuum') }
}
