import { type Codec, DecodeError, decode, encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { expect, it } from 'vitest'

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** What every codec promises. Encodings are compared, too: keys are opaque. */
export function codecPromises<T>(codec: Codec<T>, values: fc.Arbitrary<T>): void {
  it('reads what it wrote', () => {
    fc.assert(
      fc.property(values, (value) => {
        const read = decode(codec, encode(codec, value))
        expect(asJson(read)).toEqual(asJson(value))
        expect(encode(codec, read)).toStrictEqual(encode(codec, value))
      }),
      { numRuns: 30 },
    )
  })

  it('reads no proper prefix, and nothing longer', () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, at) => {
        const bytes = encode(codec, value)
        expect(() => decode(codec, bytes.subarray(0, at % bytes.length))).toThrow(DecodeError)
        expect(() => decode(codec, Uint8Array.of(...bytes, 0))).toThrow(DecodeError)
      }),
      { numRuns: 30 },
    )
  })

  it('throws nothing but DecodeError for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          decode(codec, bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })
}
