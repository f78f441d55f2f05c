// The three libraries for SQLite behind one shape: how values are bound, and what their errors mean.
import { StoreConflict, StoreError } from './errors.js'
import type { AnyRow } from './queries.js'
import type { Statement } from './sql-text.js'

export interface SqliteStatement {
  run(...values: unknown[]): { readonly changes: number | bigint }
  all(...values: unknown[]): unknown[]
}

/** An opened database of better-sqlite3, libsql (`libsql`, synchronous) or `node:sqlite`: what is called of it. */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
  close(): unknown
}

export interface SqliteDriver {
  /** How many rows changed. */
  run(statement: Statement): number
  all(statement: Statement): AnyRow[]
  /** Several statements without values or results. */
  exec(sql: string): void
  /** Gives the lock back. Does not fail: what was committed is in the file or in its log. */
  close(): void
}

/** SQLite's primary result codes that say something to who runs it, and whether they can pass. */
const failures = {
  BUSY: [5, true, 'the database is in use by another process'],
  LOCKED: [6, true, 'the database is in use by another connection'],
  NOMEM: [7, true, 'there is not enough memory'],
  READONLY: [8, false, 'the database cannot be written: its file, or its folder, is read-only'],
  INTERRUPT: [9, true, 'the statement was interrupted'],
  IOERR: [10, true, 'the file cannot be read or written'],
  CORRUPT: [11, false, 'the file is no database of SQLite, or damaged'],
  FULL: [13, true, 'the disk is full'],
  CANTOPEN: [14, true, 'a file cannot be opened: its folder has to be there and to be writable'],
  NOTADB: [26, false, 'the file is no database of SQLite, or damaged'],
} as const
type FailureName = keyof typeof failures

/** From the text of better-sqlite3 and libsql, or the number of `node:sqlite`. */
function failureName(cause: unknown): FailureName | undefined {
  const { code, errcode } = Object(cause) as { code?: unknown; errcode?: unknown }
  const name = /^SQLITE_([A-Z]+)/.exec(String(code))?.[1]
  const all = Object.entries(failures) as [FailureName, (typeof failures)[FailureName]][]
  const isIt = typeof errcode === 'number' ? (number: number) => number === (errcode & 0xff) : undefined
  return all.find(([known, [number]]) => isIt?.(number) ?? known === name)?.[0]
}

export function isBusy(cause: unknown): boolean {
  const name = failureName(cause)
  return name === 'BUSY' || name === 'LOCKED'
}

const isNotUnique = (cause: unknown): boolean => {
  const { code, errcode } = Object(cause) as { code?: unknown; errcode?: unknown }
  return code === 'SQLITE_CONSTRAINT_UNIQUE' || errcode === 2067
}

function storeError(cause: unknown): StoreError {
  if (isNotUnique(cause)) return new StoreConflict('another row has the same values of a unique index')
  const name = failureName(cause)
  if (name === undefined) return new StoreError('UNAVAILABLE', 'SQLite could not carry out a statement', { cause })
  const [, temporary, message] = failures[name]
  const code = name === 'CORRUPT' || name === 'NOTADB' ? 'CORRUPT' : 'UNAVAILABLE'
  return new StoreError(code, message, { temporary, cause })
}

function translated<T>(call: () => T): T {
  try {
    return call()
  } catch (cause) {
    throw storeError(cause)
  }
}

export function ignoringErrors(call: () => unknown): void {
  try {
    call()
  } catch {}
}

/** @throws StoreError `UNAVAILABLE` or `CORRUPT` with SQLite's error as its cause, from all that it does */
export function createDriver(database: SqliteDatabase): SqliteDriver {
  const statements = new Map<string, SqliteStatement>()

  function prepare(text: string): SqliteStatement {
    const statement = statements.get(text) ?? database.prepare(text)
    statements.set(text, statement)
    return statement
  }

  /** libsql takes a single array of bytes for names and values, `node:sqlite` an array of values. */
  function takesArrays(): boolean {
    try {
      return database.prepare('SELECT ? AS value').all([1]).length === 1
    } catch {
      return false
    }
  }

  let asArray: boolean | undefined
  const bound = (values: Statement['values']): readonly unknown[] => {
    if (values.length === 0) return values
    // Found out when it is needed first: before, another process may have the database.
    asArray ??= takesArrays()
    const plain = values.map((value) => (typeof value === 'boolean' ? Number(value) : value))
    return asArray ? [plain] : plain
  }

  return {
    run: ({ text, values }) => translated(() => Number(prepare(text).run(...bound(values)).changes)),
    all: ({ text, values }) => translated(() => prepare(text).all(...bound(values)) as AnyRow[]),
    exec: (sql) => {
      translated(() => database.exec(sql))
    },
    close: () => {
      // libsql keeps the file open until its statements are collected as garbage: so the lock is given back before.
      // That is possible only outside of WAL, which the next one to open it sets again.
      ignoringErrors(() => {
        database.exec('PRAGMA journal_mode = DELETE; PRAGMA locking_mode = NORMAL')
        database.prepare('SELECT count(*) FROM sqlite_schema').all()
      })
      ignoringErrors(() => database.close())
    },
  }
}
