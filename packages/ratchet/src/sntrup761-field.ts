// Spec 10 §10.1.0; NTRU Prime (round 3), Streamlined NTRU Prime sntrup761: its numbers, and arithmetic modulo q and 3.

/** p: the number of coefficients of a polynomial. */
export const degree = 761
/** q: the modulus of a public key's coefficients. */
export const modulus = 4591
/** w: how many coefficients of a short polynomial are not zero. */
export const weight = 286
/** Coefficients modulo q are from -2295 to 2295. */
export const halfModulus = (modulus - 1) / 2

/**
 * How to reduce signed 32-bit integers modulo a prime: `factor` is the integer nearest to 2^(drop + shift) / prime, and
 * the lowest `drop` bits of a value are not looked at, so that the product with it fits 32 bits.
 */
export interface Field {
  readonly prime: number
  readonly factor: number
  readonly drop: number
  readonly shift: number
}

/** For values below 2^25 in size. */
export const fieldQ: Field = { prime: modulus, factor: 29235, drop: 10, shift: 17 }
/** For values below 10,000 in size. */
export const field3: Field = { prime: 3, factor: 10923, drop: 0, shift: 15 }

/**
 * The same number modulo the prime, below 3/4 of the prime in size: zero only as 0, and the sum of two products of such
 * numbers can be reduced again. Neither branches nor divides, as the time that a division takes may depend on its operands.
 */
export function reduce({ prime, factor, drop, shift }: Field, value: number): number {
  const quotient = (Math.imul(value >> drop, factor) + (1 << (shift - 1))) >> shift
  return (value - Math.imul(prime, quotient)) | 0
}

/** The same number modulo the prime, from -(prime - 1)/2 to (prime - 1)/2. */
export function freeze(field: Field, value: number): number {
  const { prime, factor, drop, shift } = field
  const near = reduce(field, value)
  const quotient = (Math.imul(near, factor) + (1 << (drop + shift - 1))) >> (drop + shift)
  return (near - Math.imul(prime, quotient)) | 0
}

/** The (prime - 2)-th power, by squaring; the exponent is no secret. 0 gives 0. */
export function invert(field: Field, value: number): number {
  let power = 1
  let square = freeze(field, value)
  for (let exponent = field.prime - 2; exponent > 0; exponent >>= 1) {
    if (exponent & 1) power = freeze(field, Math.imul(power, square))
    square = freeze(field, Math.imul(square, square))
  }
  return power
}

/** -1 (all bits) where the value is not zero, 0 where it is. */
export function maskOfNonZero(value: number): number {
  return (value | -value) >> 31
}
