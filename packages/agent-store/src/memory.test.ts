import { describe, it } from 'vitest'
import { agentStoreSuite } from './conformance.js'
import { openMemoryStore } from './memory.js'

agentStoreSuite({ describe, it }, async () => {
  const store = openMemoryStore()
  return { store, reopen: async () => openMemoryStore(), remove: () => store.close() }
})
