import { expect, it } from 'vitest'
import { commonE2eVersion, isE2eVersion } from './versions.js'

it.each([
  [1, 1, undefined],
  [1, 2, 2],
  [2, 2, 2],
  [2, 3, 3],
  [3, 3, 3],
  [2, 9, 3],
  [4, 9, undefined],
])('of %i to %i we take %s', (min, max, expected) => {
  expect(commonE2eVersion({ min, max })).toBe(expected)
})

it('knows its versions', () => {
  expect([0, 1, 2, 3, 4, 65535].filter(isE2eVersion)).toEqual([2, 3])
})
