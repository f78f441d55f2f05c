// The libraries for databases, whichever are installed.
import { closeSync, openSync } from 'node:fs'
import type { SqliteDatabase } from '@smpkit/agent-store/sqlite'
import { exitCodes, ProgramError } from './program-errors.js'

type Library = Readonly<Record<string, unknown>>
type OpenSqlite = (file: string) => SqliteDatabase

/** The first that is installed and works, by the name of its module and of what opens a database in there. */
const libraries = [
  ['better-sqlite3', 'default'],
  ['libsql', 'default'],
  ['node:sqlite', 'DatabaseSync'],
] as const

/** A new file is for its owner only: private keys are in there. @throws ProgramError if there is no library */
export async function openSqliteFile(file: string): Promise<SqliteDatabase> {
  const open = await sqliteLibrary()
  closeSync(openSync(file, 'a', 0o600))
  return open(file)
}

async function sqliteLibrary(): Promise<OpenSqlite> {
  for (const [name, property] of libraries) {
    const open = await loaded(name, property).catch(() => undefined)
    if (open) return open
  }
  throw new ProgramError(
    exitCodes.database,
    'there is no library for SQLite: install better-sqlite3 or libsql, use Node 22 or newer, or give --db postgres://…',
  )
}

async function loaded(name: string, property: string): Promise<OpenSqlite> {
  const library: Library = await import(name)
  const Opened = library[property] as new (file: string) => SqliteDatabase
  // What was installed without its compiled part fails only here.
  new Opened(':memory:').close()
  return (file) => new Opened(file)
}

/** Connects when it is used. */
export async function openPostgresPool(connectionString: string) {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString, pipeline: true, keepAlive: true, connectionTimeoutMillis: 10_000 })
  // An idle connection was lost: the next statement takes another.
  pool.on('error', () => {})
  return pool
}
