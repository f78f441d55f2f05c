// Opening a database of SQLite: settings, lock, migrations, key, and what a restored copy needs.
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
import type { Schema } from './schema.js'
import { sqliteDialect } from './sql-text.js'
import { ignoringErrors, isBusy, type SqliteDriver } from './sqlite-driver.js'

const plain = (text: string) => ({ text, values: [] })

/** All or nothing, whatever happens to the process or the machine. */
export function inTransaction<T>(driver: SqliteDriver, work: () => T): T {
  driver.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    driver.exec('COMMIT')
    return result
  } catch (error) {
    rollBack(driver)
    throw error
  }
}

/** Some failures have rolled back already: then there is no transaction any more. */
export function rollBack(driver: SqliteDriver): void {
  ignoringErrors(() => driver.exec('ROLLBACK'))
}

export function setMeta(driver: SqliteDriver, schema: Schema, name: MetaName, value: string): void {
  driver.run({ text: putMeta(schema, sqliteDialect), values: [name, value] })
}

export function clearMeta(driver: SqliteDriver, schema: Schema, name: MetaName): void {
  driver.run({ text: removeMeta(schema, sqliteDialect), values: [name] })
}

function readMeta(driver: SqliteDriver, schema: Schema): ReadonlyMap<MetaName, string> {
  const rows = driver.all(plain(selectMeta(schema))) as unknown as readonly { name: MetaName; value: string }[]
  return new Map(rows.map(({ name, value }) => [name, value]))
}

/**
 * The lock is SQLite's own on the file: the system frees it when the process ends, however it does.
 * Set before the first access, it also makes the shared-memory file needless. Without waiting, a second one knows at once.
 */
function takeLock(driver: SqliteDriver): void {
  try {
    driver.exec('PRAGMA busy_timeout = 0')
    driver.exec('PRAGMA locking_mode = EXCLUSIVE')
    driver.exec('PRAGMA journal_mode = WAL')
    driver.exec('BEGIN EXCLUSIVE; COMMIT')
  } catch (error) {
    if (error instanceof StoreError && isBusy(error.cause)) {
      throw new StoreError('LOCKED', 'another process has the database open: one at a time', { cause: error.cause })
    }
    throw error
  }
}

function migrate(driver: SqliteDriver, schema: Schema): void {
  driver.exec(createMigrationTable(schema))
  const applied = driver.all(plain(selectMigrations(schema))) as unknown as readonly AppliedMigration[]
  for (const { number, name, checksum, text } of pendingMigrations(applied, sqliteDialect, schema.migrations)) {
    driver.exec(text)
    driver.run({ text: recordMigration(schema, sqliteDialect), values: [number, name, checksum] })
  }
}

/** What a restored copy needs: the caller holds a transaction. */
export function applyRestored(driver: SqliteDriver, schema: Schema): void {
  for (const text of schema.onRestore) driver.exec(text)
  clearMeta(driver, schema, 'restored')
}

/** Removes what old pages still hold, from the file and from its write-ahead log. */
export function removeOldPages(driver: SqliteDriver, schema: Schema): void {
  driver.exec('VACUUM')
  driver.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  clearMeta(driver, schema, 'vacuum')
}

/**
 * Whether what is written is durable: not for a database in memory.
 * @throws StoreError `LOCKED`, `NEWER`, `CHECKSUM`, `KEY`, `CORRUPT`, `UNAVAILABLE`
 */
export function prepareDatabase(driver: SqliteDriver, schema: Schema, cells: Cells): { durable: boolean } {
  takeLock(driver)
  // Each commit waits for the disk; `fullfsync` is what that takes on macOS.
  driver.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON')
  const meta = inTransaction(driver, () => {
    migrate(driver, schema)
    const found = readMeta(driver, schema)
    requireKeyId(found.get('keyId'), cells)
    if (!found.has('keyId')) setMeta(driver, schema, 'keyId', cells.keyId)
    if (found.has('restored')) applyRestored(driver, schema)
    return found
  })
  if (meta.has('vacuum')) removeOldPages(driver, schema)
  const [mode] = driver.all(plain('PRAGMA journal_mode'))
  return { durable: mode?.journal_mode === 'wal' }
}
