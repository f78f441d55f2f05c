// The three libraries for SQLite behind one shape: how values are bound, and what their errors mean.
import { StoreError } from './contract.js'
import type { DriverValue } from './layout.js'
import type { AnyRow } from './rows.js'
import type { Statement } from './sql.js'

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

const names = { BUSY: 5, LOCKED: 6, NOMEM: 7, INTERRUPT: 9, IOERR: 10, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 }
const damaged: readonly unknown[] = [names.CORRUPT, names.NOTADB]

/** SQLite's primary result code, from the text of better-sqlite3 and libsql or the number of `node:sqlite`. */
function resultCode(cause: unknown): number | undefined {
  const { code, errcode } = Object(cause) as { code?: unknown; errcode?: unknown }
  if (typeof errcode === 'number') return errcode & 0xff
  const name = /^SQLITE_([A-Z]+)/.exec(String(code))?.[1]
  return Object.entries(names).find(([known]) => known === name)?.[1]
}

export const isBusy = (cause: unknown): boolean =>
  resultCode(cause) === names.BUSY || resultCode(cause) === names.LOCKED

function storeError(cause: unknown): StoreError {
  const code = resultCode(cause)
  if (damaged.includes(code))
    return new StoreError('CORRUPT', 'the file is no database of SQLite, or damaged', { cause })
  const temporary = code !== undefined
  return new StoreError('UNAVAILABLE', 'SQLite could not carry out a statement', { temporary, cause })
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
  const bound = (values: readonly DriverValue[]): readonly unknown[] => {
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
