// NTRU Prime (round 3): products and inverses of polynomials modulo x^p - x - 1, in time that does not depend on them.
import { degree, type Field, freeze, invert, maskOfNonZero, reduce } from './sntrup761-field.js'

/** p coefficients, that of x^0 first. */
export type Polynomial = Int32Array

// The least length from p up that halves down to the one that is multiplied directly.
const paddedLength = 768
const directLength = 48

/**
 * The product modulo x^p - x - 1, its coefficients not reduced: with |a| ≤ A and |b| ≤ B they are at most 2·761·A·B in
 * size, which has to be less than 2^31.
 */
export function multiply(a: Polynomial, b: Polynomial): Polynomial {
  const product = new Int32Array(2 * paddedLength)
  multiplyInto(product, padded(a), padded(b), new Int32Array(4 * paddedLength))
  for (let i = 2 * degree - 2; i >= degree; i--) {
    const high = product[i] as number
    product[i - degree] = (product[i - degree] as number) + high
    product[i - degree + 1] = (product[i - degree + 1] as number) + high
  }
  return product.slice(0, degree)
}

function padded(polynomial: Polynomial): Int32Array {
  const longer = new Int32Array(paddedLength)
  longer.set(polynomial)
  return longer
}

/**
 * Writes a product of two times n coefficients to the 2n of `out`, by Karatsuba's method, with 4n of scratch. Sums wrap
 * modulo 2^32, which does no harm as long as the product itself fits.
 */
function multiplyInto(out: Int32Array, a: Int32Array, b: Int32Array, scratch: Int32Array): void {
  const n = a.length
  if (n === directLength) {
    multiplyDirectly(out, a, b)
    return
  }
  const half = n / 2
  const sums = scratch.subarray(0, n)
  const middle = scratch.subarray(n, 2 * n)
  const rest = scratch.subarray(2 * n)
  for (let i = 0; i < half; i++) {
    sums[i] = (a[i] as number) + (a[i + half] as number)
    sums[i + half] = (b[i] as number) + (b[i + half] as number)
  }
  multiplyInto(middle, sums.subarray(0, half), sums.subarray(half), rest)
  multiplyInto(out.subarray(0, n), a.subarray(0, half), b.subarray(0, half), rest)
  multiplyInto(out.subarray(n), a.subarray(half), b.subarray(half), rest)
  for (let i = 0; i < n; i++) middle[i] = (middle[i] as number) - (out[i] as number) - (out[i + n] as number)
  for (let i = 0; i < n; i++) out[i + half] = (out[i + half] as number) + (middle[i] as number)
}

function multiplyDirectly(out: Int32Array, a: Int32Array, b: Int32Array): void {
  out.fill(0)
  for (let i = 0; i < a.length; i++) {
    const factor = a[i] as number
    for (let j = 0; j < b.length; j++) out[i + j] = (out[i + j] as number) + Math.imul(factor, b[j] as number)
  }
}

/**
 * `numerator` / polynomial, or undefined where the polynomial has no inverse (only modulo 3: x^p - x - 1 is irreducible
 * modulo q). Its coefficients are from -(prime - 1)/2 to (prime - 1)/2. The number of steps is always 2p - 1, and which
 * coefficients a step looks at depends on nothing but its number (Bernstein and Yang, "Fast constant-time gcd computation
 * and modular inversion").
 */
export function divide(field: Field, numerator: number, polynomial: Polynomial): Polynomial | undefined {
  // f = x^p - x - 1 and g = polynomial, both from the highest coefficient to the lowest.
  const f = new Int32Array(degree + 1)
  f[0] = 1
  f[degree - 1] = -1
  f[degree] = -1
  const g = new Int32Array(degree + 1)
  for (let i = 0; i < degree; i++) g[degree - 1 - i] = polynomial[i] as number
  const v = new Int32Array(degree + 1)
  const r = new Int32Array(degree + 1)
  r[0] = numerator
  let delta = 1

  const steps = 2 * degree - 1
  for (let step = 0; step < steps; step++) {
    const f0 = f[0] as number
    const g0 = g[0] as number
    const swap = (-delta >> 31) & maskOfNonZero(g0)
    delta = (delta ^ (swap & (delta ^ -delta))) + 1

    // (f, g) become (g or f, (f0·g - g0·f) / x). What is further right can no longer reach the first place.
    const last = Math.min(degree, steps - 1 - step)
    f[0] = f0 ^ (swap & (f0 ^ g0))
    for (let i = 1; i <= last; i++) {
      const fi = f[i] as number
      const gi = g[i] as number
      f[i] = fi ^ (swap & (fi ^ gi))
      g[i - 1] = reduce(field, Math.imul(f0, gi) - Math.imul(g0, fi))
    }
    g[last] = 0

    // v is multiplied by x, then the same is done to (v, r). What is further right is still zero.
    for (let i = Math.min(degree, step); i > 0; i--) {
      const vi = v[i - 1] as number
      const ri = r[i] as number
      v[i] = vi ^ (swap & (vi ^ ri))
      r[i] = reduce(field, Math.imul(f0, ri) - Math.imul(g0, vi))
    }
    v[0] = swap & (r[0] as number)
    r[0] = reduce(field, Math.imul(f0, r[0] as number))
  }

  if (delta !== 0) return undefined
  const scale = invert(field, f[0] as number)
  return v.subarray(0, degree).map((_, i) => freeze(field, Math.imul(scale, v[degree - 1 - i] as number)))
}
