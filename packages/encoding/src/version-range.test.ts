import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError } from './errors.js'
import { includes, intersect, versionRangeFromText, versionRangeToText } from './version-range.js'

const range = fc.tuple(fc.nat(30), fc.nat(30)).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }))

test('the intersection has exactly the versions that both ranges have', () => {
  fc.assert(
    fc.property(range, range, (a, b) => {
      const common = intersect(a, b)
      for (let version = 0; version <= 30; version++) {
        const both = includes(a, version) && includes(b, version)
        expect(common !== undefined && includes(common, version)).toBe(both)
      }
    }),
  )
})

test('text reads back', () => {
  fc.assert(fc.property(range, (r) => void expect(versionRangeFromText(versionRangeToText(r))).toEqual(r)))
})

test.each(['', '-', '1-', '-1', '2-1', '1-2-3', '65536', '1-65536', '1 ', '+1', '1.0', '0x1', '1\n'])(
  'refuses %j',
  (text) => {
    expect(() => versionRangeFromText(text)).toThrow(DecodeError)
  },
)
