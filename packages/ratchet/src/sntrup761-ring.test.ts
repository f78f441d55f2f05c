import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { degree, field3, fieldQ, freeze, halfModulus, modulus } from './sntrup761-field.js'
import { divide, multiply, type Polynomial } from './sntrup761-ring.js'

const polynomial = (largest: number) =>
  fc
    .array(fc.integer({ min: -largest, max: largest }), { minLength: degree, maxLength: degree, size: 'max' })
    .map((values) => Int32Array.from(values))

const constant = (value: number): Polynomial => new Int32Array(degree).fill(value)
const monomial = (power: number): Polynomial => new Int32Array(degree).fill(1, power, power + 1)

/** Term by term, with the rule x^p = x + 1. */
function productByTheRule(a: Polynomial, b: Polynomial): number[] {
  const sums: number[] = new Array(2 * degree).fill(0)
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      sums[i + j] = (sums[i + j] ?? 0) + x * y
    })
  })
  for (let i = 2 * degree - 1; i >= degree; i--) {
    sums[i - degree] = (sums[i - degree] ?? 0) + (sums[i] ?? 0)
    sums[i - degree + 1] = (sums[i - degree + 1] ?? 0) + (sums[i] ?? 0)
  }
  return sums.slice(0, degree)
}

describe('a product', () => {
  it('is that of the rule x^p = x + 1', () => {
    fc.assert(
      fc.property(polynomial(halfModulus), polynomial(2), (a, b) => {
        expect(Array.from(multiply(a, b))).toEqual(productByTheRule(a, b))
      }),
      { numRuns: 20 },
    )
  })

  it('does not overflow at the extremes', () => {
    for (const [a, b] of [
      [constant(halfModulus), constant(2)],
      [constant(-halfModulus), constant(2)],
      [constant(halfModulus), constant(-1)],
    ] as const) {
      expect(Array.from(multiply(a, b))).toEqual(productByTheRule(a, b))
    }
  })

  it('wraps around at x^p', () => {
    expect(multiply(monomial(degree - 1), monomial(1))).toEqual(
      Int32Array.from(monomial(0), (value, i) => value + Number(i === 1)),
    )
  })

  it('leaves what it multiplies as it is', () => {
    const [a, b] = [constant(3), constant(1)]
    multiply(a, b)
    expect([a, b]).toEqual([constant(3), constant(1)])
  })
})

describe('a quotient', () => {
  const times = (field: typeof fieldQ, a: Polynomial, b: Polynomial) =>
    multiply(a, b).map((value) => freeze(field, value))

  it('times its divisor is the numerator, modulo q', () => {
    const three = 3
    fc.assert(
      fc.property(polynomial(1), (divisor) => {
        fc.pre(divisor.some((value) => value !== 0))
        const quotient = divide(fieldQ, three, divisor) ?? constant(0)
        expect(quotient.every((value) => Math.abs(value) <= halfModulus)).toBe(true)
        expect(times(fieldQ, quotient, divisor)).toEqual(monomial(0).map((value) => three * value))
      }),
      { numRuns: 20 },
    )
  })

  it('times its divisor is the numerator, modulo 3', () => {
    fc.assert(
      fc.property(polynomial(1), (divisor) => {
        const quotient = divide(field3, 1, divisor)
        fc.pre(quotient !== undefined)
        expect(quotient.every((value) => Math.abs(value) <= 1)).toBe(true)
        expect(times(field3, quotient, divisor)).toEqual(monomial(0))
      }),
      { numRuns: 20 },
    )
  })

  it.each([0, 1, degree - 1])('exists for x^%i', (power) => {
    expect(times(fieldQ, divide(fieldQ, 1, monomial(power)) ?? constant(0), monomial(power))).toEqual(monomial(0))
    expect(times(field3, divide(field3, 1, monomial(power)) ?? constant(0), monomial(power))).toEqual(monomial(0))
  })

  it('exists for coefficients of any size modulo q', () => {
    const divisor = Int32Array.from({ length: degree }, (_, i) => freeze(fieldQ, (i * i * 977 + 31 * i) % modulus))
    // Both are too large for multiply().
    const product = productByTheRule(divide(fieldQ, 1, divisor) ?? constant(0), divisor)
    expect(product.map((value) => ((value % modulus) + modulus) % modulus)).toEqual(Array.from(monomial(0)))
  })

  it('of zero does not exist', () => {
    expect(divide(fieldQ, 1, constant(0))).toBeUndefined()
    expect(divide(field3, 1, constant(0))).toBeUndefined()
  })
})
