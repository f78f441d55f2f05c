import { expect, it } from 'vitest'
import { BackOff } from './back-off.js'

it('grows with each failure up to the longest, and begins again after a success', () => {
  const backOff = new BackOff({ firstDelay: 100, factor: 2, maxDelay: 500 }, () => 0.5)
  expect([0, 1, 2, 3, 4].map(() => backOff.next())).toEqual([100, 200, 400, 500, 500])
  backOff.succeeded()
  expect(backOff.next()).toBe(100)
})

it('spreads many between half and one and a half of the delay', () => {
  const at = (random: number) => new BackOff({ firstDelay: 100 }, () => random).next()
  expect([at(0), at(0.5), at(0.999)]).toEqual([50, 100, expect.closeTo(149.9)])
})
