import { describe, expect, it } from 'vitest'
import { field3, fieldQ, freeze, invert, maskOfNonZero, modulus, reduce } from './sntrup761-field.js'

/** By division, which the code itself has to avoid. */
function centred(prime: number, value: number): number {
  const rest = ((value % prime) + prime) % prime
  return rest > prime / 2 ? rest - prime : rest
}

describe.each([
  { field: fieldQ, limit: 2 ** 25, stride: 37 },
  { field: field3, limit: 10_000, stride: 1 },
])('modulo $field.prime', ({ field, limit, stride }) => {
  const { prime } = field

  it('gives each number its only form, and before that one near to zero', () => {
    const wrong: number[] = []
    for (let value = 1 - limit; value < limit; value += stride) {
      const near = reduce(field, value)
      const isNear = Math.abs(near) < 0.75 * prime && (near - value) % prime === 0
      if (!isNear || freeze(field, value) !== centred(prime, value)) wrong.push(value)
    }
    expect(wrong).toEqual([])
  })

  it('is exact where the rounding turns', () => {
    const half = (prime - 1) / 2
    const turns = Math.floor(limit / prime) - 1
    const wrong: number[] = []
    for (let turn = -turns; turn <= turns; turn++) {
      if (freeze(field, turn * prime + half) !== half) wrong.push(turn)
      if (freeze(field, turn * prime + half + 1) !== -half) wrong.push(turn)
    }
    expect(wrong).toEqual([])
  })

  it('inverts all but zero', () => {
    const wrong: number[] = []
    for (let value = 1 - prime; value < prime; value++) {
      if (freeze(field, Math.imul(value, invert(field, value))) !== (value === 0 ? 0 : 1)) wrong.push(value)
    }
    expect(wrong).toEqual([])
  })
})

it('masks are all ones but for zero', () => {
  for (const value of [1, -1, 2, modulus, 0x7fffffff, -0x80000000]) expect(maskOfNonZero(value)).toBe(-1)
  expect(maskOfNonZero(0)).toBe(0)
})
