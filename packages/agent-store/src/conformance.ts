// The contract as a suite, for any test runner: what a store must pass to keep an agent's connections.
import { atomicTests, lifeTests } from './conformance-atomic.js'
import { pageTests, queryTests } from './conformance-queries.js'
import { conflictTests, invalidTests, rowTests } from './conformance-rows.js'
import { type StoreUnderTest, storeTests, type TestRunner } from './conformance-support.js'

export type { StoreUnderTest, TestRunner } from './conformance-support.js'

/**
 * Defines the tests. Each opens a store of its own, and removes it.
 *
 *     agentStoreSuite({ describe, it }, async () => {
 *       const store = openMemoryStore()
 *       return { store, reopen: async () => openMemoryStore(), remove: () => store.close() }
 *     })
 */
export function agentStoreSuite(runner: TestRunner, open: () => Promise<StoreUnderTest>): void {
  const test = storeTests(runner, open)
  runner.describe('the contract of agent stores', () => {
    runner.describe('rows', () => rowTests(test))
    runner.describe('conflicts', () => conflictTests(test))
    runner.describe('input that is not valid', () => invalidTests(test))
    runner.describe('queries', () => queryTests(test))
    runner.describe('pages', () => pageTests(test))
    runner.describe('atomic', () => atomicTests(test))
    runner.describe('its life', () => lifeTests(test))
  })
}
