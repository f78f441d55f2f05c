// Spec 10 §10.1.0; NTRU Prime (round 3), Streamlined NTRU Prime sntrup761: its numbers, and arithmetic modulo q and 3.

/** p: the number of coefficients of a polynomial. */
export const degree = 761
/** q: the modulus of a public key's coefficients. */
export const modulus = 4591
/** w: how many coefficients of a short polynomial are not zero. */
export const weight = 286
/** Coefficients modulo q are kept from -2295 to 2295. */
export const halfModulus = (modulus - 1) / 2

/**
 * Numbers modulo a prime, as signed 32-bit integers around zero. No function branches on a value or divides by one, as
 * the time that a division takes may depend on its operands.
 */
export interface Field {
  /**
   * The same number nearer to zero, not always in its only form: any ax - by of four such numbers can be reduced again.
   */
  reduce(value: number): number
  /** The same number in its only form, from -(prime - 1)/2 to (prime - 1)/2. */
  freeze(value: number): number
  /** 0 gives 0. */
  inverse(value: number): number
}

// round(2^27 / q): the estimated quotient is off by less than 0.75 for |value| < 2^25, as 10 low bits are not looked at.
const quotientFactor = 29235

/** Values below 2^25 in size; the result is below 3/4 q in size. */
function reduceModQ(value: number): number {
  return (value - Math.imul(modulus, (Math.imul(value >> 10, quotientFactor) + 0x10000) >> 17)) | 0
}

/** Values below 2^25 in size. */
export function freezeModQ(value: number): number {
  const near = reduceModQ(value)
  return (near - Math.imul(modulus, (Math.imul(near, quotientFactor) + 0x4000000) >> 27)) | 0
}

/** Values up to 10,000 in size. */
export function freezeMod3(value: number): number {
  return (value - Math.imul(3, (Math.imul(value, 10923) + 0x4000) >> 15)) | 0
}

export const fieldQ: Field = {
  reduce: reduceModQ,
  freeze: freezeModQ,
  // The inverse is the (q - 2)-th power; the exponent is no secret.
  inverse(value) {
    let power = 1
    let square = freezeModQ(value)
    for (let exponent = modulus - 2; exponent > 0; exponent >>= 1) {
      if (exponent & 1) power = freezeModQ(Math.imul(power, square))
      square = freezeModQ(Math.imul(square, square))
    }
    return power
  },
}

export const field3: Field = { reduce: freezeMod3, freeze: freezeMod3, inverse: freezeMod3 }

/** -1 (all bits) where the value is not zero, 0 where it is. */
export function maskOfNonZero(value: number): number {
  return (value | -value) >> 31
}
