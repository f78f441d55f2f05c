import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DueQueue } from './due-queue.js'
import { ManualClock } from './testing/manual-clock.js'

test('runs everything at its time, with one timer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(50), { maxLength: 40 }), async (delays) => {
      const clock = new ManualClock()
      const began = clock.now()
      const ran: [delay: number, at: number][] = []
      const queue = new DueQueue<number>(clock, (delay) => void ran.push([delay, clock.now() - began]))
      for (const delay of delays) queue.add(delay, began + delay)
      expect(clock.timers).toBeLessThanOrEqual(1)
      await clock.advance(50)
      expect(ran).toEqual([...delays].sort((a, b) => a - b).map((delay) => [delay, delay]))
      expect(clock.timers).toBe(0)
    }),
    { numRuns: 30 },
  )
})

test('runs nothing after close', async () => {
  const clock = new ManualClock()
  const queue = new DueQueue<string>(clock, () => expect.unreachable())
  queue.add('before', clock.now() + 5)
  queue.close()
  queue.add('after', clock.now())
  await clock.advance(10)
  expect(clock.timers).toBe(0)
})

test('runs nothing that was removed, and keeps nothing of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { maxLength: 40 }), async (items) => {
      const clock = new ManualClock()
      const began = clock.now()
      const ran: number[] = []
      const queue = new DueQueue<number>(clock, (delay) => void ran.push(delay))
      const places = items.map(([delay, kept]) => ({ kept, due: queue.add(delay, began + delay) }))
      for (const { kept, due } of places) if (!kept) queue.remove(due)
      const left = items.flatMap(([delay, kept]) => (kept ? [delay] : []))
      expect(queue.size).toBe(left.length)
      await clock.advance(50)
      expect(ran).toEqual(left.sort((a, b) => a - b))
      // What has run, or was removed, can be removed again.
      for (const { due } of places) queue.remove(due)
      expect(queue.size).toBe(0)
    }),
    { numRuns: 30 },
  )
})
