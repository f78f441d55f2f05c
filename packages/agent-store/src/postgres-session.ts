// design.md §5: one connection to PostgreSQL: its settings, how statements go over it, and what its errors mean.
import { StoreConflict, StoreError } from './errors.js'
import type { AnyRow } from './queries.js'
import type { Statement } from './sql-text.js'

/** What a client of the library `pg` has of it. */
export interface PostgresClient {
  query(query: { text: string; name?: string; values?: unknown[] }): Promise<{ rows: AnyRow[] }>
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown
  release(destroy?: boolean): void
  readonly pipeline?: boolean
}

/** A `pg.Pool` fits. With its option `pipeline: true` the statements of a transaction need fewer round trips. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
}

/**
 * What an error means for the transaction: the connection is `lost`, it is worth a `retry`, a row was not as demanded (`conflict`),
 * or the server `refused` a statement.
 */
export type Failure = 'lost' | 'retry' | 'conflict' | 'refused'

/** Why `Session.run` rejects. */
export class StatementError extends Error {
  override readonly name = 'StatementError'
  readonly failure: Failure

  constructor(
    /** Which statement failed; when the connection was lost, that or a later one. */
    readonly index: number,
    override readonly cause: unknown,
  ) {
    super('a statement failed')
    this.failure = failureOf(cause)
  }
}

/** The SQLSTATE of what the server answered; errors of the network have codes of another form (EPIPE is the exception), or none. */
function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && code !== 'EPIPE' ? code : undefined
}

function failureOf(error: unknown): Failure {
  const state = sqlState(error)
  const severity = (error as { severity?: unknown } | undefined)?.severity
  if (state === undefined || severity === 'FATAL' || severity === 'PANIC' || /^(08|57P)/.test(state)) return 'lost'
  if (state === '40001' || state === '40P01') return 'retry'
  return state === divisionByZero ? 'conflict' : 'refused'
}

const divisionByZero = '22012'
const uniqueViolation = '23505'
/** Wraps a statement so that it fails, and with it all that was sent after it, if it does not change a row. */
export const exactlyOne = (text: string): string =>
  `WITH changed AS (${text} RETURNING 1) SELECT 1 / count(*) FROM changed`
/** The same for one whose values are lists: as many rows as they have. */
export const exactlyAll = (text: string): string =>
  `WITH changed AS (${text} RETURNING 1) SELECT 1 / (count(*) = cardinality($1))::int FROM changed`

/** Classes of SQLSTATE whose messages never hold values of rows, and that can pass: resources, operator, system, read-only. */
const passing = /^(08|40|53|55|57|58|25006)/

/** The error for the caller. What the server says of the values of a statement is left out. */
export function storeError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  if (error instanceof StatementError) return storeError(error.cause)
  const state = sqlState(error)
  if (state === undefined) {
    return new StoreError('UNAVAILABLE', 'the connection to PostgreSQL failed', { temporary: true, cause: error })
  }
  if (state === uniqueViolation) return new StoreConflict('another row has the same values of a unique index')
  if (passing.test(state)) {
    const message = `PostgreSQL cannot do it now (SQLSTATE ${state})`
    return new StoreError('UNAVAILABLE', message, { temporary: true, cause: error })
  }
  // Wrong password, no such database or schema, no right to create tables.
  if (/^(28|3D|3F|42501)/.test(state)) {
    const message = `PostgreSQL refuses the access: look at user, password, database, schema and rights (SQLSTATE ${state})`
    return new StoreError('UNAVAILABLE', message, { cause: error })
  }
  if (/^(22|54)/.test(state)) return new StoreError('INVALID', `PostgreSQL cannot store a value (SQLSTATE ${state})`)
  return new StoreError('CORRUPT', `PostgreSQL refused a statement, its tables were changed (SQLSTATE ${state})`)
}

export interface Session {
  /** Whether the connection is lost or closed. */
  readonly isGone: boolean
  /** Settles when it is. */
  readonly gone: Promise<void>
  /**
   * Sends the statements together, and gives the rows of each. Rejects with a StatementError at the first failure; those after it
   * were not carried out then, or failed with its transaction.
   */
  run(statements: readonly Statement[]): Promise<AnyRow[][]>
  /** Ends the connection, and with it its locks. */
  close(): void
}

/**
 * Durable commits, look-ups by an index also while a table is small or was never analyzed, and a server that notices when we are
 * gone.
 */
const settings = {
  synchronous_commit: 'on',
  client_encoding: "'UTF8'",
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  tcp_keepalives_idle: '30',
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '3',
}

export const statement = (text: string, values: Statement['values'] = []): Statement => ({ text, values })

export async function openSession(pool: PostgresPool): Promise<Session> {
  const client = await pool.connect()
  // A statement with values is prepared once for this connection.
  const names = new Map<string, string>()
  let isGone = false
  let end = () => {}
  const gone = new Promise<void>((resolve) => {
    end = resolve
  })

  function close() {
    if (isGone) return
    isGone = true
    client.release(true)
    end()
  }
  // Both stay: nobody else listens for errors, and an error without a listener would end the process.
  client.on('error', close)
  client.on('end', close)

  function query({ text, values }: Statement) {
    if (values.length === 0) return client.query({ text })
    const name = names.get(text) ?? `smpkit_store_${names.size}`
    names.set(text, name)
    return client.query({ text, name, values: [...values] })
  }

  async function run(statements: readonly Statement[]): Promise<AnyRow[][]> {
    const results: AnyRow[][] = []
    try {
      if (isGone) throw new StoreError('UNAVAILABLE', 'the connection to PostgreSQL is lost', { temporary: true })
      // A client that cannot pipeline does not like to be given a query while it has one.
      const all = client.pipeline ? await Promise.allSettled(statements.map(query)) : statements
      for (const one of all) results.push((await answer(one)).rows)
      return results
    } catch (cause) {
      const error = new StatementError(results.length, cause)
      if (error.failure === 'lost') close()
      throw error
    }
  }

  function answer(one: PromiseSettledResult<{ rows: AnyRow[] }> | Statement) {
    if (!('status' in one)) return query(one)
    if (one.status === 'rejected') throw one.reason
    return one.value
  }

  const session: Session = {
    get isGone() {
      return isGone
    },
    gone,
    run,
    close,
  }
  try {
    await run(Object.entries(settings).map(([name, value]) => statement(`SET ${name} = ${value}`)))
  } catch (error) {
    close()
    throw error
  }
  return session
}
