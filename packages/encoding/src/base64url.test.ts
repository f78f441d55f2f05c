import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBase64url, toBase64url, toBase64urlUnpadded } from './base64url.js'
import { DecodeError } from './errors.js'

const someBytes = fc.uint8Array({ minLength: 1, maxLength: 100 })

test('both forms of any bytes read back, and are what Node writes', () => {
  fc.assert(
    fc.property(someBytes, (bytes) => {
      const unpadded = Buffer.from(bytes).toString('base64url')
      expect(toBase64urlUnpadded(bytes)).toBe(unpadded)
      expect(toBase64url(bytes)).toBe(unpadded.padEnd(Math.ceil(unpadded.length / 4) * 4, '='))
      expect(fromBase64url(toBase64url(bytes))).toEqual(bytes)
      expect(fromBase64url(unpadded)).toEqual(bytes)
    }),
  )
})

test('no bytes have an empty text, which is not read', () => {
  expect(toBase64url(new Uint8Array())).toBe('')
  expect(() => fromBase64url('')).toThrow(DecodeError)
})

test('one byte array has no more than two texts', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'AQgw-_=+/ '), minLength: 1, maxLength: 9 }), (text) => {
      let bytes: Uint8Array
      try {
        bytes = fromBase64url(text)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
        return
      }
      expect([toBase64url(bytes), toBase64urlUnpadded(bytes)]).toContain(text)
    }),
  )
})

test.each([
  ['a single character', 'A'],
  ['unused bits that are not zero', 'YR'],
  ['unused bits that are not zero, padded', 'YR=='],
  ['padding that is cut short', 'YQ='],
  ['padding where none belongs', 'YWJj='],
  ['padding inside', 'YQ==YQ=='],
  ['the standard alphabet', '-+'],
  ['a newline at the end', 'YQ==\n'],
  ['letters outside ASCII', 'YQ\u212a'],
])('refuses %s', (_, text) => {
  expect(() => fromBase64url(text)).toThrow(DecodeError)
})
