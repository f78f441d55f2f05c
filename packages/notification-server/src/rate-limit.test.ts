import { expect, test } from 'vitest'
import { RateLimit } from './rate-limit.js'
import { ManualClock } from './testing/manual-clock.js'

test('lets so many through at once, then one after the other, each owner for itself', async () => {
  const clock = new ManualClock()
  const limit = new RateLimit(clock, 3, 3000)
  expect([1, 2, 3].map(() => limit.take('a'))).toEqual([0, 0, 0])
  expect(limit.take('a')).toBe(1000)
  expect(limit.take('b')).toBe(0)
  await clock.advance(999)
  expect(limit.take('a')).toBe(1)
  await clock.advance(1)
  expect(limit.take('a')).toBe(0)
  expect(limit.take('a')).toBe(1000)
  await clock.advance(60_000)
  expect([1, 2, 3, 4].map(() => limit.take('a'))).toEqual([0, 0, 0, 1000])
})

test('a clock that is set back keeps nobody out for longer than a period', () => {
  let now = 10_000_000
  const limit = new RateLimit({ now: () => now, schedule: () => () => {} }, 10, 1000)
  for (let i = 0; i < 10; i++) limit.take('one')
  now = 0
  expect(limit.take('one')).toBeLessThanOrEqual(1000)
})
