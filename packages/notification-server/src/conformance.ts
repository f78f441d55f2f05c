// The contract as a suite, for any test runner: what a store must pass to keep what a notification server has.
import { atomicTests, lifeTests } from './conformance-atomic.js'
import { rowTests } from './conformance-rows.js'
import { type StoreUnderTest, storeTests, type TestRunner } from './conformance-support.js'

export type { StoreUnderTest, TestRunner } from './conformance-support.js'

/**
 * Defines the tests. Each opens a store of its own, and removes it.
 *
 *     notificationStoreSuite({ describe, it }, async () => {
 *       const store = memoryStore()
 *       const reopen = async () => memoryStore()
 *       return { store, durable: false, encrypted: false, reopen, remove: () => store.close() }
 *     })
 */
export function notificationStoreSuite(runner: TestRunner, open: () => Promise<StoreUnderTest>): void {
  const test = storeTests(runner, open)
  runner.describe('the contract of notification stores', () => {
    runner.describe('rows', () => rowTests(test))
    runner.describe('atomic', () => atomicTests(test))
    runner.describe('its life', () => lifeTests(test))
  })
}
