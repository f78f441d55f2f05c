import { expect, test } from 'vitest'
import { commonVersion, proxiedVersions } from './versions.js'

test('the common version is the highest that both ends and this package speak', () => {
  expect(commonVersion({ min: 14, max: 20 }, { min: 6, max: 18 })).toBe(18)
  expect(commonVersion({ min: 6, max: 99 }, { min: 8, max: 99 })).toBe(20)
  expect(commonVersion(proxiedVersions, { min: 8, max: 17 })).toBe(17)
})

test('there is none below version 14, nor where the ranges do not meet', () => {
  expect(commonVersion({ min: 6, max: 20 }, { min: 6, max: 13 })).toBeUndefined()
  expect(commonVersion({ min: 19, max: 20 }, { min: 6, max: 18 })).toBeUndefined()
  expect(commonVersion({ min: 6, max: 10 }, { min: 6, max: 20 })).toBeUndefined()
})
