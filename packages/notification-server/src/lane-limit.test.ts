import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { afterAnswer, afterPause, allowedOf, firstLimit, type LaneLimit } from './lane-limit.js'

const good = (limit: LaneLimit, most = 1000) =>
  afterAnswer(limit, { round: limit.round, failed: false, used: true }, most)
const bad = (limit: LaneLimit, round = limit.round) => afterAnswer(limit, { round, failed: true, used: true }, 1000)
const times = (count: number, limit: LaneLimit, step: (limit: LaneLimit) => LaneLimit) => {
  let present = limit
  for (let i = 0; i < count; i++) present = step(present)
  return present
}
const grown = times(92, firstLimit, good)

describe('the limit', () => {
  test('is small at first, and doubles with each round trip while all goes well', () => {
    expect(allowedOf(firstLimit, 1000)).toBe(8)
    expect(allowedOf(times(8, firstLimit, good), 1000)).toBe(16)
    expect(allowedOf(grown, 1000)).toBe(100)
  })

  test('is never more than the provider takes, which may change, and never 0', () => {
    expect(allowedOf(firstLimit, 4)).toBe(4)
    expect(times(100, firstLimit, (limit) => good(limit, 20)).allowed).toBe(20)
    expect(allowedOf(grown, 30)).toBe(30)
    expect(allowedOf(times(20, firstLimit, bad), 1000)).toBe(1)
    expect(allowedOf(firstLimit, 0)).toBe(1)
  })

  test('is halved by failures once for each round trip, not once for each push', () => {
    const { round } = grown
    const halved = times(100, grown, (limit) => bad(limit, round))
    expect(allowedOf(halved, 1000)).toBe(50)
    expect(allowedOf(times(5, halved, bad), 1000)).toBe(25)
  })

  test('then grows by one for each round trip', () => {
    const halved = times(20, grown, (limit) => bad(limit, grown.round))
    expect(allowedOf(halved, 1000)).toBe(50)
    expect(allowedOf(times(51, halved, good), 1000)).toBe(51)
    expect(allowedOf(times(500, halved, good), 1000)).toBe(59)
  })

  test('is not halved by one device among many', () => {
    let limit = grown
    for (let i = 0; i < 500; i++) limit = i % 50 === 0 ? bad(limit) : good(limit)
    expect(limit.allowed).toBeGreaterThan(grown.allowed)
  })

  test('does not grow where it is not needed', () => {
    const answer = { round: 0, failed: false, used: false }
    expect(times(50, firstLimit, (limit) => afterAnswer(limit, answer, 1000)).allowed).toBe(8)
  })

  test('begins anew after a pause, and answers from before do not count', () => {
    const paused = afterPause(grown)
    expect(allowedOf(paused, 1000)).toBe(8)
    expect(bad(paused, grown.round)).toEqual(paused)
  })

  test('is between 1 and the most, whatever comes', () => {
    const step = fc.record({ failed: fc.boolean(), used: fc.boolean(), late: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (steps, most) => {
        let limit = firstLimit
        for (const { failed, used, late } of steps) {
          limit = afterAnswer(limit, { round: limit.round - (late ? 1 : 0), failed, used }, most)
          expect(allowedOf(limit, most)).toBeGreaterThanOrEqual(1)
          expect(allowedOf(limit, most)).toBeLessThanOrEqual(most)
        }
      }),
    )
  })
})
