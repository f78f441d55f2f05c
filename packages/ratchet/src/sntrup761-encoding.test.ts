import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodePublic,
  decodeRounded,
  decodeSmall,
  encodePublic,
  encodeRounded,
  encodeSmall,
  publicPolynomialLength,
  roundedLength,
  smallLength,
} from './sntrup761-encoding.js'
import { degree, halfModulus } from './sntrup761-field.js'

const forms = [
  {
    name: 'small',
    encode: encodeSmall,
    decode: decodeSmall,
    length: smallLength,
    extremes: [-1, 0, 1],
    largest: 2,
    step: 1,
  },
  {
    name: 'public',
    encode: encodePublic,
    decode: decodePublic,
    length: publicPolynomialLength,
    extremes: [-halfModulus, 0, halfModulus],
    largest: halfModulus,
    step: 1,
  },
  {
    name: 'rounded',
    encode: encodeRounded,
    decode: decodeRounded,
    length: roundedLength,
    extremes: [-halfModulus, 0, halfModulus],
    largest: halfModulus,
    step: 3,
  },
]

describe.each(forms)('a $name polynomial', ({ encode, decode, length, extremes, largest, step }) => {
  const limit = (extremes[2] as number) / step
  const coefficients = fc.array(
    fc.integer({ min: -limit, max: limit }).map((value) => value * step),
    { minLength: degree, maxLength: degree, size: 'max' },
  )

  it('comes back from its bytes', () => {
    fc.assert(
      fc.property(coefficients, (values) => {
        const bytes = encode(Int32Array.from(values))
        expect(bytes.length).toBe(length)
        expect(Array.from(decode(bytes))).toEqual(values)
      }),
      { numRuns: 30 },
    )
  })

  it.each(extremes)('comes back with all coefficients %i, and with one of them', (value) => {
    const all = new Int32Array(degree).fill(value)
    expect(decode(encode(all))).toEqual(all)
    const last = new Int32Array(degree).fill(value, degree - 1)
    expect(decode(encode(last))).toEqual(last)
  })

  it('is read from any bytes, within its limits', () => {
    const inLimits = (bytes: Uint8Array) =>
      decode(bytes).every((value) => Math.abs(value) <= largest && (value - (extremes[0] as number)) % step === 0)
    fc.assert(
      fc.property(fc.uint8Array({ minLength: length, maxLength: length, size: 'max' }), (bytes) => inLimits(bytes)),
      { numRuns: 30 },
    )
    expect(inLimits(new Uint8Array(length).fill(0xff))).toBe(true)
  })
})

it('puts the first coefficient in the lowest bits', () => {
  const small = new Int32Array(degree)
  small.set([-1, 0, 1, 1])
  expect(encodeSmall(small)[0]).toBe(0b10_10_01_00)
  expect(encodeSmall(small)[smallLength - 1]).toBe(0b01)
})
