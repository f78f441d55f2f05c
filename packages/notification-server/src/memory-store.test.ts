import { describe, it } from 'vitest'
import { notificationStoreSuite } from './conformance.js'
import { memoryStore } from './memory-store.js'

notificationStoreSuite({ describe, it }, async () => {
  const store = memoryStore()
  const reopen = async () => memoryStore()
  return { store, durable: false, encrypted: false, reopen, remove: () => store.close() }
})
