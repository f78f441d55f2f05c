import fc from 'fast-check'
import { expect, test } from 'vitest'
import { retryAfterMs } from './retry-after.js'

const now = Date.parse('2026-06-01T00:00:00Z')

test.each([
  [undefined, 0],
  ['', 0],
  ['7', 7000],
  [' 120 ', 120_000],
  ['0', 0],
  ['-5', 0],
  ['1.5', 0],
  ['soon', 0],
  ['2026', 2_026_000],
  ['999999999999999999999', 86_400_000],
  ['Mon, 01 Jun 2026 00:00:30 GMT', 30_000],
  ['Sun, 31 May 2026 23:59:30 GMT', 0],
  ['Mon, 01 Jun 2027 00:00:00 GMT', 86_400_000],
  ['Mon, 99 Jun', 0],
])('%j asks for %i ms', (header, expected) => {
  expect(retryAfterMs(header, now)).toBe(expected)
})

test('any text gives a delay between nothing and a day', () => {
  fc.assert(
    fc.property(fc.string(), (header) => {
      const ms = retryAfterMs(header, now)
      expect(ms >= 0 && ms <= 86_400_000).toBe(true)
    }),
  )
})
