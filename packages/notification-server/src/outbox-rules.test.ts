// Spec 30 §6: when a push that failed is tried again.
import { expect, test } from 'vitest'
import { defaultLimits } from './limits.js'
import { backOff } from './outbox-rules.js'

test('delays grow up to the longest, half of them at random, in whole milliseconds as rows hold them', () => {
  const delays = [0, 1, 5, 1000].map((attempts) => backOff(attempts, 0.123_456, defaultLimits))
  expect(delays.every(Number.isSafeInteger)).toBe(true)
  expect(delays).toEqual([562, 1124, 17_976, 505_556])
})
