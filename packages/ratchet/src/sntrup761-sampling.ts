// NTRU Prime (round 3): random polynomials, and the sorting that they need.
import { degree, weight } from './sntrup761-field.js'
import type { Polynomial } from './sntrup761-ring.js'

/** How many random bytes one polynomial takes: 32 bits, little-endian, for each coefficient. */
export const randomPolynomialLength = 4 * degree

/** Each coefficient is -1, 0 or 1, independently. */
export function smallPolynomial(random: Uint8Array): Polynomial {
  return words(random).map((word) => (Math.imul(word & 0x3fffffff, 3) >>> 30) - 1)
}

/** Exactly 286 coefficients are -1 or 1, wherever a sort of random numbers puts them. */
export function shortPolynomial(random: Uint8Array): Polynomial {
  const tagged = words(random).map((word, i) => (i < weight ? word & -2 : (word & -3) | 1))
  sortUnsigned(tagged)
  return tagged.map((word) => (word & 3) - 1)
}

function words(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Int32Array.from({ length: degree }, (_, i) => view.getInt32(4 * i, true))
}

/**
 * Sorts as unsigned numbers, in place, by merge exchange (Knuth, The Art of Computer Programming, 5.2.2 M): what is
 * compared with what depends on the length alone.
 */
export function sortUnsigned(values: Int32Array): void {
  const { length } = values
  for (let i = 0; i < length; i++) values[i] = (values[i] as number) ^ 0x80000000
  let top = 1
  while (2 * top < length) top *= 2
  for (let p = top; p > 0; p >>= 1) {
    let distance = p
    let remainder = 0
    for (let q = top; ; q >>= 1) {
      for (let i = 0; i + distance < length; i++) {
        if ((i & p) === remainder) compareExchange(values, i, i + distance)
      }
      if (q === p) break
      distance = q - p
      remainder = p
    }
  }
  for (let i = 0; i < length; i++) values[i] = (values[i] as number) ^ 0x80000000
}

/** Puts the smaller of two signed numbers at `low`. */
function compareExchange(values: Int32Array, low: number, high: number): void {
  const a = values[low] as number
  const b = values[high] as number
  const difference = a ^ b
  // The sign of b - a, also where the subtraction overflows.
  const minus = (b - a) | 0
  const swap = ((minus ^ (difference & (minus ^ b))) >> 31) & difference
  values[low] = a ^ swap
  values[high] = b ^ swap
}
