// The suite with the test runner of Node.js.
import { describe, it } from 'node:test'
import { openMemoryStore } from '@smpkit/agent-store'
import { agentStoreSuite } from '@smpkit/agent-store/conformance'

agentStoreSuite({ describe, it }, async () => {
  const store = openMemoryStore()
  return { store, reopen: async () => openMemoryStore(), remove: () => store.close() }
})
