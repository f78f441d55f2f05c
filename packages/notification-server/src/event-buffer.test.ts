import { expect, test } from 'vitest'
import { EventBuffer } from './event-buffer.js'
import { settled } from './testing/manual-clock.js'

test('gives all that has come as one array, in order, and ends after the last', async () => {
  const buffer = new EventBuffer<number>()
  const taken: (readonly number[])[] = []
  buffer.push(1)
  buffer.push(2)
  const done = (async () => {
    for await (const values of buffer) taken.push(values)
  })()
  await settled()
  buffer.push(3)
  buffer.end()
  await done
  expect(taken).toEqual([[1, 2], [3]])
})

test('has no room for more than its limit until somebody takes', async () => {
  const buffer = new EventBuffer<number>(2)
  buffer.push(1)
  await buffer.room()
  buffer.push(2)
  let hasRoom = false
  const room = buffer.room().then(() => {
    hasRoom = true
  })
  await settled()
  expect(hasRoom).toBe(false)
  await buffer[Symbol.asyncIterator]().next()
  await room
})
