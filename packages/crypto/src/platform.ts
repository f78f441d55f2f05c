// Spec 02 §1: the primitives that a platform gives; everything else in this package is made of them.
import type { DhAlgorithm, KeyAlgorithm, SigningAlgorithm } from './algorithms.js'

/** A key in the form that a platform works with. Made once for each key and kept. */
export type Handle = object

export interface AesGcmSealed {
  /** 16 bytes. */
  readonly tag: Uint8Array
  /** As long as the plaintext. */
  readonly ciphertext: Uint8Array
}

/** Raw bytes in, raw bytes out: plain arrays that belong to the caller. Lengths were checked before. */
export interface Platform {
  randomBytes(length: number): Uint8Array
  constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean
  md5(data: Uint8Array): Uint8Array
  sha256(data: Uint8Array): Uint8Array
  sha512(data: Uint8Array): Uint8Array
  sha3_256(data: Uint8Array): Uint8Array
  sha3_384(data: Uint8Array): Uint8Array
  hmacSha512(key: Uint8Array, data: Uint8Array): Uint8Array
  /** RFC 5869; at most 255 × 64 bytes. */
  hkdfSha512(salt: Uint8Array, inputKey: Uint8Array, info: Uint8Array, length: number): Uint8Array
  privateHandle(algorithm: KeyAlgorithm, raw: Uint8Array): Handle
  publicHandle(algorithm: KeyAlgorithm, raw: Uint8Array): Handle
  /** The raw public key of a private key. */
  publicRaw(algorithm: KeyAlgorithm, privateKey: Handle): Uint8Array
  sign(algorithm: SigningAlgorithm, privateKey: Handle, message: Uint8Array): Uint8Array
  verify(algorithm: SigningAlgorithm, publicKey: Handle, message: Uint8Array, signature: Uint8Array): boolean
  /** `undefined` where the public point has a low order, so that the secret would be zero. */
  dh(algorithm: DhAlgorithm, privateKey: Handle, publicKey: Handle): Uint8Array | undefined
  /** A block whose every byte the caller writes before anyone else sees it. */
  allocate(length: number): Uint8Array
  /** XSalsa20-Poly1305 in place: the message stands at offset 16 of `block`, the tag goes before it. */
  secretboxSeal(key: Uint8Array, nonce: Uint8Array, block: Uint8Array): void
  /** The reverse, of at least 16 bytes; `false` if the tag does not fit. */
  secretboxOpen(key: Uint8Array, nonce: Uint8Array, block: Uint8Array): boolean
  /** AES-256-GCM; an IV that has not 12 bytes goes through GHASH. */
  aesGcmSeal(key: Uint8Array, iv: Uint8Array, associatedData: Uint8Array, plaintext: Uint8Array): AesGcmSealed
  /** `undefined` if the tag, of 16 bytes, does not fit. */
  aesGcmOpen(
    key: Uint8Array,
    iv: Uint8Array,
    associatedData: Uint8Array,
    tag: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array | undefined
}
