import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError, EncodeError } from './errors.js'
import { pad, padInto, unpad } from './padding.js'

test('any message that fits reads back from exactly the padded length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(50), (message, more) => {
      const padded = pad(message, message.length + 2 + more)
      expect(padded.length).toBe(message.length + 2 + more)
      expect([...padded.subarray(message.length + 2)]).toEqual(new Array(more).fill(0x23))
      expect(unpad(padded)).toEqual(message)
    }),
  )
})

test.each([
  [0, 1],
  [0, 0],
  [7, 8],
  [65534, 65536],
  [65534, 70000],
])('a message of %i bytes does not fit %i', (length, paddedLength) => {
  const run = () => pad(new Uint8Array(length), paddedLength)
  expect(run).toThrow(EncodeError)
  expect(run).toThrow(expect.objectContaining({ code: 'LARGE' }))
})

test('the longest message is 65533 bytes', () => {
  expect(unpad(pad(new Uint8Array(65533), 65535)).length).toBe(65533)
})

test('a target that is used again keeps nothing of what it held', () => {
  const target = new Uint8Array(10).fill(0xee)
  padInto(target, Uint8Array.of(1))
  expect(target).toEqual(pad(Uint8Array.of(1), 10))
})

test('a message that does not fit leaves the target as it was', () => {
  const target = new Uint8Array(4).fill(0xee)
  expect(() => padInto(target, new Uint8Array(3))).toThrow(EncodeError)
  expect([...target]).toEqual([0xee, 0xee, 0xee, 0xee])
})

test('the fill bytes are not looked at, and the message is a view', () => {
  const padded = Uint8Array.of(0, 1, 7, 0, 0xff)
  expect([...unpad(padded)]).toEqual([7])
  expect(unpad(padded).buffer).toBe(padded.buffer)
})

test('random bytes give a message inside them or a DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (random) => {
      try {
        expect(unpad(random).length).toBeLessThanOrEqual(random.length - 2)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
  )
})
