// What a database says about itself, in `<schema>_meta`: the key that it is encrypted with, and whether it is a restored copy.
import type { Cells } from './cells.js'
import { StoreError } from './errors.js'
import type { Schema } from './schema.js'
import type { Dialect } from './sql-text.js'

export type MetaName =
  /** `Cells.keyId`; not there only until the store was opened for the first time. */
  | 'keyId'
  /** The copy that a backup made: see `Schema.onRestore`. */
  | 'restored'
  /** The file still has old pages that are not encrypted with the key. */
  | 'vacuum'
  /** PostgreSQL: which process has the database, and which had it before: see `Mark`. */
  | 'owner'
  | 'previousOwner'

export const metaTable = ({ name }: Schema): string => `${name}_meta`

/** All rows: `name`, `value`. */
export const selectMeta = (schema: Schema): string => `SELECT name, value FROM ${metaTable(schema)}`
/** Takes name and value. */
export const putMeta = (schema: Schema, { placeholder }: Dialect): string =>
  `INSERT INTO ${metaTable(schema)} (name, value) VALUES (${placeholder(1)}, ${placeholder(2)}) ` +
  'ON CONFLICT (name) DO UPDATE SET value = excluded.value'
/** Takes the name. */
export const removeMeta = (schema: Schema, { placeholder }: Dialect): string =>
  `DELETE FROM ${metaTable(schema)} WHERE name = ${placeholder(1)}`

/**
 * `keyId` as the database has it; `undefined` if it is new, and takes any.
 * @throws StoreError `KEY`
 */
export function requireKeyId(keyId: string | undefined, cells: Cells): void {
  if (keyId === undefined || keyId === cells.keyId) return
  if (keyId === '') {
    throw new StoreError('KEY', 'the database is not encrypted: open it without a key, then encrypt it with rekey')
  }
  throw new StoreError(
    'KEY',
    cells.keyId === ''
      ? 'the database is encrypted: open it with its key'
      : 'the database is encrypted with another key: open it with that one, then change it with rekey',
  )
}
