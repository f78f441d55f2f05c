import { expect, test } from 'vitest'
import { LateWrites } from './late-writes.js'
import { ManualClock } from './testing/manual-clock.js'

function setUp() {
  const clock = new ManualClock()
  const written: string[][] = []
  const writes = new LateWrites(clock, 1000, async (keys) => void written.push([...keys]))
  return { clock, written, writes }
}

test('what changes within a while is written together, each once', async () => {
  const { clock, written, writes } = setUp()
  writes.add('a')
  await clock.advance(600)
  writes.add('b')
  writes.add('a')
  await clock.advance(399)
  expect(written).toEqual([])
  await clock.advance(1)
  expect(written).toEqual([['a', 'b']])
  writes.add('a')
  await clock.advance(1000)
  expect(written).toEqual([['a', 'b'], ['a']])
})

test('the end writes what waits, and leaves no timer', async () => {
  const { clock, written, writes } = setUp()
  writes.add('a')
  await writes.close()
  expect(written).toEqual([['a']])
  writes.add('b')
  expect(clock.timers).toBe(0)
})

test('what is added while it is written is written next', async () => {
  const clock = new ManualClock()
  let tries = 0
  const writes: LateWrites = new LateWrites(clock, 1000, async ([key]) => {
    if (tries++ === 0 && key) writes.add(key)
  })
  writes.add('a')
  await clock.advance(1000)
  await clock.advance(1000)
  expect(tries).toBe(2)
  await clock.advance(10_000)
  expect(tries).toBe(2)
  await writes.close()
})
