import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Pace } from './pace.js'

it('lets so much be done in a turn, by all who ask', async () => {
  const pace = new Pace(50)
  expect(await pace.take(20)).toBe(20)
  expect(await pace.take(40)).toBe(30)
  let isTaken = false
  const more = pace.take(10).then((count) => {
    isTaken = true
    return count
  })
  await Promise.resolve()
  expect(isTaken).toBe(false)
  await nextTurn()
  expect(await more).toBe(10)
})

it('gives all that wait their share, first come, first served', async () => {
  const pace = new Pace(2)
  const order: string[] = []
  const work = async (name: string, count: number) => {
    for (let left = count; left > 0; ) {
      const taken = await pace.take(left)
      left -= taken
      order.push(`${name} ${taken}`)
    }
  }
  await Promise.all([work('a', 3), work('b', 1), work('c', 1)])
  expect(order).toEqual(['a 2', 'b 1', 'c 1', 'a 1'])
})
