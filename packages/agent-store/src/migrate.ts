// design.md §5: migrations are numbered, checksummed, forward only; a database from the future is refused.
import { sha256 } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import { StoreError } from './errors.js'
import type { Migration, Schema } from './schema.js'
import type { Dialect } from './sql-text.js'

/** A row of `<schema>_migrations`. */
export interface AppliedMigration {
  readonly number: number
  readonly checksum: string
}

export interface PendingMigration extends AppliedMigration {
  readonly name: string
  readonly text: string
}

/** In both dialects: the table of what was applied, and reading it. Writing goes by `recordMigration`. */
export const createMigrationTable = ({ name }: Schema): string =>
  `CREATE TABLE IF NOT EXISTS ${name}_migrations (number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL)`
export const selectMigrations = ({ name }: Schema): string =>
  `SELECT number, checksum FROM ${name}_migrations ORDER BY number`
/** Takes number, name and checksum. */
export const recordMigration = ({ name }: Schema, { placeholder }: Dialect): string =>
  `INSERT INTO ${name}_migrations (number, name, checksum) VALUES (${placeholder(1)}, ${placeholder(2)}, ${placeholder(3)})`

const checksumOf = (text: string): string => toHex(sha256(new TextEncoder().encode(text)))

/**
 * What has still to be applied, in order. An adapter asks within the transaction that then applies it, under its lock.
 * @throws StoreError `NEWER`, `CHECKSUM`
 */
export function pendingMigrations(
  applied: readonly AppliedMigration[],
  dialect: Dialect,
  known: readonly Migration[],
): PendingMigration[] {
  const last = Math.max(0, ...applied.map(({ number }) => number))
  if (last > known.length) {
    throw new StoreError(
      'NEWER',
      `the database has version ${last}, this package knows ${known.length}: use the newer package that wrote it`,
    )
  }
  const all = known.map((migration) => {
    const text = migration[dialect.name]
    return { number: migration.number, name: migration.name, text, checksum: checksumOf(text) }
  })
  for (const migration of all.slice(0, last)) {
    const was = applied.find(({ number }) => number === migration.number)
    if (was?.checksum !== migration.checksum) {
      throw new StoreError(
        'CHECKSUM',
        `migration ${migration.number} of the database is not the one that this package has: the package was changed`,
      )
    }
  }
  return all.slice(last)
}
