// What a database says about itself, in `agent_meta`: the key that it is encrypted with, and whether it is a restored copy.
import type { Cells } from './cells.js'
import { StoreError } from './contract.js'
import type { Dialect } from './sql.js'

export type MetaName =
  /** `Cells.keyId`; not there only until the store was opened for the first time. */
  | 'keyId'
  /** The copy that a backup made: see `requireSynchronization`. */
  | 'restored'
  /** The file still has old pages that are not encrypted with the key. */
  | 'vacuum'
  /** PostgreSQL: which process has the database, and which had it before: see `Mark`. */
  | 'owner'
  | 'previousOwner'

/** All rows: `name`, `value`. */
export const selectMeta = 'SELECT name, value FROM agent_meta'
/** Takes name and value. */
export const putMeta = ({ placeholder }: Dialect): string =>
  `INSERT INTO agent_meta (name, value) VALUES (${placeholder(1)}, ${placeholder(2)}) ` +
  'ON CONFLICT (name) DO UPDATE SET value = excluded.value'
/** Takes the name. */
export const removeMeta = ({ placeholder }: Dialect): string => `DELETE FROM agent_meta WHERE name = ${placeholder(1)}`

/**
 * Spec 10 §10.9: a sending chain that was restored must not encrypt again, so every ratchet has to be made anew. To be carried out
 * in one transaction with the removal of the mark. Queued messages keep their keys: what is sent again is the same ciphertext.
 */
export const requireSynchronization =
  "UPDATE agent_connections SET synchronization = 'restored' " +
  'WHERE conn_id IN (SELECT conn_id FROM agent_ratchets WHERE state IS NOT NULL)'

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
