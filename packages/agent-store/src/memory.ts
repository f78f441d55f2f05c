// The store of an agent in memory: for tests, and for agents that need not survive their process.
import { agentSchema } from './agent-schema.js'
import type { AgentStore } from './contract.js'
import { openMemoryTables } from './memory-tables.js'

/** A store that is empty at first, and gone with the process. */
export const openMemoryStore = (): AgentStore => openMemoryTables(agentSchema)
