import { expect, test } from 'vitest'
import { settled } from './testing/manual-clock.js'
import { Turns } from './turns.js'

test('what comes at once, or while a piece is done, is the next piece', async () => {
  const waiting: number[] = []
  const pieces: number[][] = []
  let release = () => {}
  const turns = new Turns(async () => {
    pieces.push(waiting.splice(0))
    await new Promise<void>((resolve) => {
      release = resolve
    })
  })
  const add = (number: number) => {
    waiting.push(number)
    turns.wake()
  }
  add(1)
  add(2)
  await settled()
  for (const number of [3, 4, 5]) add(number)
  await settled()
  expect(pieces).toEqual([[1, 2]])
  release()
  await settled()
  expect(pieces).toEqual([
    [1, 2],
    [3, 4, 5],
  ])
  let isIdle = false
  const idle = turns.idle().then(() => {
    isIdle = true
  })
  await settled()
  expect(isIdle).toBe(false)
  release()
  await idle
  expect(pieces).toHaveLength(2)
})
