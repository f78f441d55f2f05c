// NTRU Prime (round 3): polynomials as bytes.
import { degree, halfModulus, modulus } from './sntrup761-field.js'
import type { Polynomial } from './sntrup761-ring.js'

export const smallLength = 191
export const publicPolynomialLength = 1158
export const roundedLength = 1007

/** Coefficients -1, 0, 1 as two bits each, the first in the lowest bits. */
export function encodeSmall(polynomial: Polynomial): Uint8Array {
  const bytes = new Uint8Array(smallLength)
  for (let i = 0; i < degree; i++) {
    bytes[i >> 2] = (bytes[i >> 2] as number) | (((polynomial[i] as number) + 1) << (2 * (i & 3)))
  }
  return bytes
}

/** Two bits that no encoder writes come out as 2. */
export function decodeSmall(bytes: Uint8Array): Polynomial {
  return new Int32Array(degree).map((_, i) => (((bytes[i >> 2] as number) >> (2 * (i & 3))) & 3) - 1)
}

const publicRadix: number[] = new Array(degree).fill(modulus)
const roundedRadix: number[] = new Array(degree).fill((modulus + 2) / 3)

/** Coefficients modulo q, from -2295 to 2295, as 1158 bytes. */
export function encodePublic(polynomial: Polynomial): Uint8Array {
  return encodeMixed(
    Array.from(polynomial, (value) => value + halfModulus),
    publicRadix,
  )
}

/** Takes any 1158 bytes; what no encoder writes is taken modulo q. */
export function decodePublic(bytes: Uint8Array): Polynomial {
  return Int32Array.from(decodeMixed(bytes, publicRadix), (value) => value - halfModulus)
}

/** Multiples of 3 from -2295 to 2295 as 1007 bytes. */
export function encodeRounded(polynomial: Polynomial): Uint8Array {
  // 10923 / 2^15 is a third, near enough.
  return encodeMixed(
    Array.from(polynomial, (value) => Math.imul(value + halfModulus, 10923) >> 15),
    roundedRadix,
  )
}

/** Takes any 1007 bytes; what no encoder writes is taken modulo 1531, before it is multiplied by 3. */
export function decodeRounded(bytes: Uint8Array): Polynomial {
  return Int32Array.from(decodeMixed(bytes, roundedRadix), (value) => 3 * value - halfModulus)
}

const radixLimit = 16384

/**
 * Numbers of a mixed radix (values[i] < radix[i] < 16384): neighbours join to one number, whose low bytes are put out until
 * its radix is below 16384; what remains of them is encoded in the same way. Branches on the radix alone.
 */
function encodeMixed(values: readonly number[], radix: readonly number[], bytes: number[] = []): Uint8Array {
  const isLast = values.length === 1
  const joinedValues: number[] = []
  const joinedRadix: number[] = []
  for (let i = 0; i < values.length; i += 2) {
    let size = (radix[i] as number) * (radix[i + 1] ?? 1)
    let joined = (values[i] as number) + (radix[i] as number) * (values[i + 1] ?? 0)
    while (size >= (isLast ? 2 : radixLimit)) {
      bytes.push(joined & 0xff)
      joined >>= 8
      size = (size + 0xff) >> 8
    }
    joinedValues.push(joined)
    joinedRadix.push(size)
  }
  return isLast ? Uint8Array.from(bytes) : encodeMixed(joinedValues, joinedRadix, bytes)
}

/** The reverse. Divides by the radix, which it may: what is decoded here is public. */
function decodeMixed(bytes: Uint8Array, radix: readonly number[]): number[] {
  const isLast = radix.length === 1
  let at = 0
  const low: number[] = []
  const scales: number[] = []
  const joinedRadix: number[] = []
  for (let i = 0; i < radix.length; i += 2) {
    let size = (radix[i] as number) * (radix[i + 1] ?? 1)
    let value = 0
    let scale = 1
    while (size >= (isLast ? 2 : radixLimit)) {
      value += (bytes[at++] as number) * scale
      scale *= 256
      size = (size + 0xff) >> 8
    }
    low.push(value)
    scales.push(scale)
    joinedRadix.push(size)
  }
  const high = isLast ? [0] : decodeMixed(bytes.subarray(at), joinedRadix)
  return radix.map((size, i) => {
    const pair = i >> 1
    const joined = (low[pair] as number) + (scales[pair] as number) * (high[pair] as number)
    return (i & 1 ? Math.floor(joined / (radix[i - 1] as number)) : joined) % size
  })
}
