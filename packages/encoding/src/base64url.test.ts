import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBase64url, toBase64url, toBase64urlUnpadded } from './base64url.js'
import { nativeCoder, portableCoder } from './base64url-coders.js'
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

test('the platform’s coder and the portable one do the same, also with parts of a buffer', () => {
  if (!nativeCoder) throw new Error('expected a coder of the platform')
  const native = nativeCoder
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat(9), (all, offset) => {
      const bytes = all.subarray(offset)
      const text = portableCoder.encode(bytes)
      expect(native.encode(bytes)).toBe(text)
      const decoded = native.decode(text)
      expect(decoded).toEqual(portableCoder.decode(text))
      expect(decoded).toEqual(bytes.slice())
      expect([decoded.constructor, decoded.buffer.byteLength]).toEqual([Uint8Array, bytes.length])
    }),
  )
})

test('texts whose last character has unused bits are decoded alike, so that they are refused alike', () => {
  for (const text of ['YR==', 'YWJ=', '_-8=', '____']) {
    expect(nativeCoder?.decode(text)).toEqual(portableCoder.decode(text))
  }
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
