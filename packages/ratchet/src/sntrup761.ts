// Spec 10 §10.1.0: the key encapsulation mechanism sntrup761 (Streamlined NTRU Prime, round 3).
import { randomBytes, sha512 } from '@smpkit/crypto'
import { concat, decode, encode, fixedBytes, record } from '@smpkit/encoding'
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
import { field3, fieldQ, freeze, invert, maskOfNonZero, weight } from './sntrup761-field.js'
import { divide, multiply, type Polynomial } from './sntrup761-ring.js'
import { randomPolynomialLength, shortPolynomial, smallPolynomial } from './sntrup761-sampling.js'

const hashLength = 32

export const kemPublicKeyLength = publicPolynomialLength
export const kemSecretKeyLength = 3 * smallLength + publicPolynomialLength + hashLength
export const kemCiphertextLength = roundedLength + hashLength
export const kemSharedSecretLength = hashLength

export interface KemKeyPair {
  /** 1158 bytes. */
  readonly publicKey: Uint8Array
  /** 1763 bytes. Holds the public key too. */
  readonly secretKey: Uint8Array
}

export interface KemEncapsulation {
  /** 1039 bytes: the rounded polynomial and the confirmation. */
  readonly ciphertext: Uint8Array
  /** 32 bytes. */
  readonly sharedSecret: Uint8Array
}

const secretKeyFields = record({
  f: fixedBytes(smallLength),
  inverseOfG: fixedBytes(smallLength),
  publicKey: fixedBytes(publicPolynomialLength),
  /** Random; takes the place of what was not decrypted. */
  rejection: fixedBytes(smallLength),
  publicKeyHash: fixedBytes(hashLength),
})

const ciphertextFields = record({ rounded: fixedBytes(roundedLength), confirmation: fixedBytes(hashLength) })

/** Gives `length` bytes that nobody can predict. */
export type RandomSource = (length: number) => Uint8Array

/** A key, a ciphertext or the random source's answer has the wrong length. */
export class KemError extends Error {
  override readonly name = 'KemError'
  readonly code = 'LENGTH'
  readonly temporary = false
}

/** @throws KemError if `random` gives a wrong number of bytes */
export function generateKemKeyPair(random: RandomSource = randomBytes): KemKeyPair {
  const { g, inverseOfG } = invertiblePolynomial(random)
  const f = shortPolynomial(take(random, randomPolynomialLength))
  const thirdOfInverse = divide(fieldQ, invert(fieldQ, 3), f)
  if (thirdOfInverse === undefined) throw new Error('expected a polynomial that is not zero to have an inverse')
  const publicKey = encodePublic(multiply(thirdOfInverse, g).map((value) => freeze(fieldQ, value)))
  const secretKey = encode(secretKeyFields, {
    f: encodeSmall(f),
    inverseOfG: encodeSmall(inverseOfG),
    publicKey,
    rejection: take(random, smallLength),
    publicKeyHash: hash(4, publicKey),
  })
  return { publicKey, secretKey }
}

/** Not all have an inverse. That one was refused tells nothing of the one that is taken. */
function invertiblePolynomial(random: RandomSource): { g: Polynomial; inverseOfG: Polynomial } {
  for (;;) {
    const g = smallPolynomial(take(random, randomPolynomialLength))
    const inverseOfG = divide(field3, 1, g)
    if (inverseOfG) return { g, inverseOfG }
  }
}

/**
 * A secret that only the holder of the secret key can read from the ciphertext. Takes any 1158 bytes as the public key.
 * @throws KemError for a public key of another length, or if `random` gives a wrong number of bytes
 */
export function encapsulate(publicKey: Uint8Array, random: RandomSource = randomBytes): KemEncapsulation {
  requireLength(publicKey, kemPublicKeyLength, 'public key')
  const short = shortPolynomial(take(random, randomPolynomialLength))
  const ciphertext = encrypt(short, publicKey, hash(4, publicKey))
  return { ciphertext, sharedSecret: sessionKey(1, encodeSmall(short), ciphertext) }
}

/**
 * The shared secret, 32 bytes. A ciphertext that was not made for this key, or was changed, gives a secret that nobody
 * else knows, and no error.
 * @throws KemError for a secret key or ciphertext of a wrong length
 */
export function decapsulate(secretKey: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  requireLength(secretKey, kemSecretKeyLength, 'secret key')
  requireLength(ciphertext, kemCiphertextLength, 'ciphertext')
  const { f, inverseOfG, publicKey, rejection, publicKeyHash } = decode(secretKeyFields, secretKey)
  const { rounded } = decode(ciphertextFields, ciphertext)
  const short = decrypt(decodeRounded(rounded), decodeSmall(f), decodeSmall(inverseOfG))
  const again = encrypt(short, publicKey, publicKeyHash)
  // A mask, so that a rejection takes the same steps: -1 where the ciphertexts differ, otherwise 0.
  const rejected = maskOfDifference(ciphertext, again)
  const secret = encodeSmall(short).map((byte, i) => byte ^ (rejected & (byte ^ (rejection[i] as number))))
  return sessionKey(1 + rejected, secret, ciphertext)
}

function encrypt(short: Polynomial, publicKey: Uint8Array, publicKeyHash: Uint8Array): Uint8Array {
  const product = multiply(decodePublic(publicKey), short).map((value) => freeze(fieldQ, value))
  return encode(ciphertextFields, {
    rounded: encodeRounded(product.map((value) => value - freeze(field3, value))),
    confirmation: hash(2, concat(hash(3, encodeSmall(short)), publicKeyHash)),
  })
}

function decrypt(rounded: Polynomial, f: Polynomial, inverseOfG: Polynomial): Polynomial {
  const blinded = multiply(rounded, f).map((value) => freeze(field3, freeze(fieldQ, 3 * freeze(fieldQ, value))))
  const short = multiply(blinded, inverseOfG).map((value) => freeze(field3, value))
  const found = short.reduce((sum, value) => sum + (value & 1), 0)
  // Of the wrong weight: a fixed short polynomial, whose encryption is not this ciphertext either.
  const wrong = maskOfNonZero(found - weight)
  return short.map((value, i) => value ^ (wrong & (value ^ (i < weight ? 1 : 0))))
}

/** b = 1, or 0 for a rejection. */
function sessionKey(b: number, secret: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  return hash(b, concat(hash(3, secret), ciphertext))
}

/** h_b: the first 32 bytes of SHA-512 of the byte b and the data. */
function hash(b: number, data: Uint8Array): Uint8Array {
  return sha512(concat(Uint8Array.of(b), data)).slice(0, hashLength)
}

function maskOfDifference(a: Uint8Array, b: Uint8Array): number {
  return maskOfNonZero(a.reduce((difference, byte, i) => difference | (byte ^ (b[i] as number)), 0))
}

function take(random: RandomSource, length: number): Uint8Array {
  const bytes = random(length)
  requireLength(bytes, length, 'random data')
  return bytes
}

function requireLength(bytes: Uint8Array, length: number, name: string): void {
  if (bytes.length !== length) throw new KemError(`expected ${length} bytes of ${name}, got ${bytes.length}`)
}
