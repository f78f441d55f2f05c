// Spec 02 §1, §4: signatures and shared secrets.
import { platform } from '#platform'
import { algorithms, type DhAlgorithm, type SigningAlgorithm } from './algorithms.js'
import { CryptoError, KeyError } from './errors.js'
import { handleOf, type PrivateKey, type PublicKey } from './keys.js'

/** 64 (Ed25519) or 114 (Ed448, empty context) bytes; the same message gives the same signature. */
export function sign(key: PrivateKey<SigningAlgorithm>, message: Uint8Array): Uint8Array {
  return platform.sign(key.algorithm, handleOf(key), message)
}

/**
 * Whether `signature` is of `message` by `key`; the signature of the other algorithm is not.
 * @throws CryptoError `SIGNATURE_LENGTH` if it has the length of neither algorithm
 */
export function verify(key: PublicKey<SigningAlgorithm>, message: Uint8Array, signature: Uint8Array): boolean {
  const { length } = signature
  if (length !== algorithms.ed25519.signatureLength && length !== algorithms.ed448.signatureLength) {
    throw new CryptoError('SIGNATURE_LENGTH', `expected a signature of 64 or 114 bytes, got ${length}`)
  }
  return (
    length === algorithms[key.algorithm].signatureLength &&
    platform.verify(key.algorithm, handleOf(key), message, signature)
  )
}

/**
 * The raw secret, 32 (X25519) or 56 (X448) bytes, not hashed.
 * @throws KeyError if the public key is a point of low order, or the keys are of different algorithms
 */
export function dh<A extends DhAlgorithm>(privateKey: PrivateKey<A>, publicKey: PublicKey<NoInfer<A>>): Uint8Array {
  if (privateKey.algorithm !== publicKey.algorithm) {
    throw new KeyError(`expected a public ${privateKey.algorithm} key, got ${publicKey.algorithm}`)
  }
  const secret = platform.dh(privateKey.algorithm, handleOf(privateKey), handleOf(publicKey))
  if (!secret) throw new KeyError(`expected a public ${privateKey.algorithm} key of full order`)
  return secret
}
