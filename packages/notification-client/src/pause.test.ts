import fc from 'fast-check'
import { expect, it } from 'vitest'
import { backOff, pause } from './pause.js'

it('grows from 5 seconds to a quarter of an hour, the half of it at random', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(fc.nat(), random, (attempt, chance) => {
      const delay = backOff(attempt, () => chance)
      expect(delay).toBeGreaterThanOrEqual(2500)
      expect(delay).toBeLessThanOrEqual(900_000)
      expect(backOff(attempt + 1, () => chance)).toBeGreaterThanOrEqual(delay)
    }),
  )
  expect([0, 1, 2, 30].map((attempt) => backOff(attempt, () => 0))).toEqual([2500, 5000, 10_000, 450_000])
})

it('ends with its time, or with any of its signals, and leaves no timer', async () => {
  const timers = new Set<() => void>()
  const clock = {
    schedule(callback: () => void) {
      timers.add(callback)
      return () => timers.delete(callback)
    },
  }
  const [one, other] = [new AbortController(), new AbortController()]
  const first = pause(clock, 1000, one.signal, other.signal)
  other.abort()
  await first
  await pause(clock, 1000, other.signal)
  expect(timers.size).toBe(0)
  const second = pause(clock, 1000, one.signal)
  for (const callback of timers) callback()
  await second
  expect(timers.size).toBe(0)
})
