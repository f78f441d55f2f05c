// What every reader and writer promises, for any codec.
import { type Codec, DecodeError, decode, encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { expect } from 'vitest'

/** Keys are compared through the bytes that they are written as. */
export function expectRoundTrip<T>(codec: Codec<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = encode(codec, value)
      const read = decode(codec, bytes)
      expect(read).toEqual(value)
      expect(encode(codec, read)).toEqual(bytes)
    }),
  )
}

/** For values that do not end with a field that takes all there is. */
export function expectNoPrefix<T>(codec: Codec<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = encode(codec, value)
      for (let length = 0; length < bytes.length; length++) {
        expect(() => decode(codec, bytes.subarray(0, length))).toThrow(DecodeError)
      }
    }),
    { numRuns: 20 },
  )
}

/** Random bytes, and written values with a byte changed or a piece cut out: a value or a DecodeError. */
export function expectOnlyDecodeErrors<T>(codec: Codec<T>, values: fc.Arbitrary<T>): void {
  const changed = fc.tuple(values, fc.nat(), fc.nat(255), fc.nat(3)).map(([value, at, byte, cut]) => {
    const bytes = encode(codec, value)
    const from = at % bytes.length
    return Uint8Array.of(...bytes.subarray(0, from), byte, ...bytes.subarray(from + cut))
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), changed), (bytes) => {
      try {
        decode(codec, bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
    { numRuns: 1000 },
  )
}
