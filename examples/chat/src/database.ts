// Opens what `--db` names: the agent's store, and in the same database what the program remembers.
import { existsSync } from 'node:fs'
import { type AgentStore, openMemoryStore, StoreError } from '@smpkit/agent-store'
import { createStoreKey, readStoreKey } from '@smpkit/agent-store/key-file'
import { openPostgresStore } from '@smpkit/agent-store/postgres'
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import { openPostgresPool, openSqliteFile } from './database-drivers.js'
import { describeError, exitCodes, ProgramError, usageError } from './program-errors.js'
import { type Archive, memoryArchive, openArchive } from './records.js'
import { postgresSql, sqliteSql } from './sql.js'

export interface Database extends AsyncDisposable {
  readonly store: AgentStore
  readonly archive: Archive
  close(): Promise<void>
}

export interface DatabaseOptions {
  /** With the key of the database, made if it is not there. */
  readonly keyFile?: string | undefined
  /** An older copy was put back: no key of it may encrypt again. */
  readonly restored?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * `where`: a file of SQLite, which only its owner can read, `postgres://…`, or `undefined` for one that is forgotten.
 * @throws ProgramError that says what to do
 */
export async function openDatabase(where: string | undefined, options: DatabaseOptions = {}): Promise<Database> {
  const { keyFile, restored = false } = options
  if (where === undefined) {
    if (keyFile !== undefined || restored) throw usageError('--key-file and --restored are about a --db: give one')
    return memoryDatabase()
  }
  try {
    const key = keyFile === undefined ? null : await keyOf(keyFile)
    if (/^postgres(ql)?:\/\//.test(where)) return await openPostgres(where, { key, restored, signal: options.signal })
    return await openSqlite(where, { key, restored })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw databaseError(where, error)
  }
}

const keyOf = (file: string) => (existsSync(file) ? readStoreKey(file) : createStoreKey(file))

/** How the user says which database and key are meant. */
export interface DatabaseSettings {
  readonly database: string
  readonly keyFile: string
}

const optionNames: DatabaseSettings = { database: '--db', keyFile: '--key-file' }

/** What to tell of a database that could not be opened. */
export function databaseError(where: string, error: unknown, settings = optionNames): ProgramError {
  if (error instanceof ProgramError) return error
  // The address of a database may have its password.
  const name = where.includes('://') ? 'the database' : `the database ${where}`
  return new ProgramError(exitCodes.database, `${name} cannot be opened: ${adviceOf(error, settings)}`, {
    cause: error,
  })
}

function adviceOf(error: unknown, { database, keyFile }: DatabaseSettings): string {
  if (!(error instanceof StoreError)) return describeError(error)
  if (error.code === 'LOCKED') return `another process uses it. End that one, or give another ${database}`
  if (error.code === 'KEY') return `${describeError(error)}. ${keyFile} names the file with the key`
  if (error.code === 'NEWER') return 'a newer version of this program has written it'
  return describeError(error)
}

const databaseOf = (store: AgentStore, archive: Archive, close: () => Promise<void>): Database => ({
  store,
  archive,
  close,
  [Symbol.asyncDispose]: close,
})

function memoryDatabase(): Database {
  const store = openMemoryStore()
  return databaseOf(store, memoryArchive(), () => store.close())
}

interface OpenOptions {
  readonly key: Uint8Array | null
  readonly restored: boolean
  readonly signal?: AbortSignal | undefined
}

async function openSqlite(file: string, { key, restored }: OpenOptions): Promise<Database> {
  const database = await openSqliteFile(file)
  const store = await openSqliteStore(database, { key })
  try {
    if (restored) await store.markRestored()
    return databaseOf(store, await openArchive(sqliteSql(database), key), () => store.close())
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openPostgres(connectionString: string, { key, restored, signal }: OpenOptions): Promise<Database> {
  const pool = await openPostgresPool(connectionString)
  try {
    const store = await openPostgresStore(pool, { key, signal })
    const close = async () => {
      await store.close()
      await pool.end()
    }
    try {
      if (restored) await store.markRestored()
      return databaseOf(store, await openArchive(postgresSql(pool), key), close)
    } catch (error) {
      await store.close()
      throw error
    }
  } catch (error) {
    await pool.end()
    throw error
  }
}
