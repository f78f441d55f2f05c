// Spec 02 §1: hashes, HMAC, HKDF, random bytes.

import { platform } from '#platform'
import { CryptoError } from './errors.js'

export const { md5, sha256, sha512, sha3_256, sha3_384, hmacSha512, constantTimeEqual } = platform

/** From the platform's generator for cryptography. */
export const { randomBytes } = platform

const textEncoder = new TextEncoder()

/**
 * RFC 5869 with SHA-512; an empty `salt` is an empty HMAC key. A text `info` is taken as UTF-8.
 * @throws CryptoError `LENGTH` beyond 255 × 64 bytes
 */
export function hkdfSha512(
  salt: Uint8Array,
  inputKey: Uint8Array,
  info: string | Uint8Array,
  length: number,
): Uint8Array {
  if (length > 255 * 64) throw new CryptoError('LENGTH', `expected at most ${255 * 64} bytes of HKDF, got ${length}`)
  const context = typeof info === 'string' ? textEncoder.encode(info) : info
  return platform.hkdfSha512(salt, inputKey, context, length)
}
