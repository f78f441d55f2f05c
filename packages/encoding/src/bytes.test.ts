import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concat, equalBytes, toHex, toMapKey } from './bytes.js'

const someBytes = fc.uint8Array({ maxLength: 30 })

test('joins arrays into one of its own', () => {
  const part = Uint8Array.of(1, 2)
  const joined = concat(part, new Uint8Array(), Uint8Array.of(3))
  part[0] = 9
  expect([...joined]).toEqual([1, 2, 3])
  expect(concat().length).toBe(0)
})

test('arrays are equal when their hex is, and so are their keys for maps', () => {
  fc.assert(
    fc.property(someBytes, someBytes, (a, b) => {
      const same = Buffer.from(a).equals(b)
      expect(equalBytes(a, b)).toBe(same)
      expect(equalBytes(a, a.slice())).toBe(true)
      expect(toHex(a) === toHex(b)).toBe(same)
      expect(toMapKey(a) === toMapKey(b)).toBe(same)
      expect(toHex(a)).toBe(Buffer.from(a).toString('hex'))
    }),
  )
})

test('a prefix is not equal', () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false)
  expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false)
})
