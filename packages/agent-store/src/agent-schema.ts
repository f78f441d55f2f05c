// The store of an agent, for the engine that all stores share.
import { migration as first } from './migrations/001-agent.js'
import type { Schema } from './schema.js'
import { type Tables, tables } from './tables.js'

/**
 * Spec 10 §10.9: a sending chain that was restored must not encrypt again, so every ratchet has to be made anew.
 * Queued messages keep their keys: what is sent again is the same ciphertext.
 */
const requireSynchronization =
  "UPDATE agent_connections SET synchronization = 'restored' " +
  'WHERE conn_id IN (SELECT conn_id FROM agent_ratchets WHERE state IS NOT NULL)'

export const agentSchema: Schema<Tables> = {
  name: 'agent',
  // `smpk`
  lock: 0x736d706b,
  tables,
  migrations: [first],
  onRestore: [requireSynchronization],
}
