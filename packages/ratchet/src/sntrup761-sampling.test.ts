import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { degree, weight } from './sntrup761-field.js'
import { randomPolynomialLength, shortPolynomial, smallPolynomial, sortUnsigned } from './sntrup761-sampling.js'

const randomBytes = fc.uint8Array({
  minLength: randomPolynomialLength,
  maxLength: randomPolynomialLength,
  size: 'max',
})

describe('the sorting network', () => {
  const sorted = (values: number[]) => Array.from(Uint32Array.from(values).sort())
  const sortedByUs = (values: number[]) => {
    const copy = Int32Array.from(values)
    sortUnsigned(copy)
    return Array.from(new Uint32Array(copy.buffer))
  }

  it('sorts every length', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 200 }), (values) => {
        expect(sortedByUs(values)).toEqual(sorted(values))
      }),
    )
  })

  // A network that sorts all sequences of zeroes and ones sorts everything.
  it.each([1, 2, 3, 5, 8, 11])('sorts all zeroes and ones of length %i', (length) => {
    for (let bits = 0; bits < 1 << length; bits++) {
      const values = Array.from({ length }, (_, i) => (bits >> i) & 1)
      expect(sortedByUs(values)).toEqual(sorted(values))
    }
  })

  it('sorts the length of a polynomial, the extremes and repetitions', () => {
    const extremes = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe]
    const values = Array.from({ length: degree }, (_, i) =>
      i % 3 ? Math.imul(i, 0x9e3779b1) >>> 0 : (extremes[(i / 3) % 6] as number),
    )
    expect(sortedByUs(values)).toEqual(sorted(values))
    expect(sortedByUs(sorted(values).reverse())).toEqual(sorted(values))
  })
})

describe('random polynomials', () => {
  it('are short: 286 coefficients of -1 or 1, the others 0', () => {
    fc.assert(
      fc.property(randomBytes, (random) => {
        const polynomial = shortPolynomial(random)
        expect(polynomial.length).toBe(degree)
        expect(polynomial.filter((value) => value === 0).length).toBe(degree - weight)
        expect(polynomial.every((value) => Math.abs(value) <= 1)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('are small: thirds of the low 30 bits give -1, 0 and 1', () => {
    const words = [0, 0x15555555, 0x15555556, 0x2aaaaaaa, 0x2aaaaaab, 0x3fffffff, 0xc0000000, 0xffffffff]
    const random = new Uint8Array(randomPolynomialLength)
    words.forEach((word, i) => {
      new DataView(random.buffer).setUint32(4 * i, word, true)
    })
    expect(Array.from(smallPolynomial(random).subarray(0, words.length + 1))).toEqual([-1, -1, 0, 0, 1, 1, -1, 1, -1])
  })

  it('are read from a view into other bytes', () => {
    const random = Uint8Array.from({ length: randomPolynomialLength + 3 }, (_, i) => Math.imul(i, 151))
    expect(smallPolynomial(random.subarray(3))).toEqual(smallPolynomial(random.slice(3)))
    expect(shortPolynomial(random.subarray(3))).toEqual(shortPolynomial(random.slice(3)))
  })

  it('are not all the same', () => {
    const ones = new Uint8Array(randomPolynomialLength).fill(0xff)
    const counting = Uint8Array.from(ones, (_, i) => Math.imul(i, 151))
    expect(shortPolynomial(counting)).not.toEqual(shortPolynomial(ones))
  })
})
