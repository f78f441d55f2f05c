// Spec 10.1.1: AES-256-GCM with the tag apart from the ciphertext.
import { platform } from '#platform'
import { CryptoError, requireLength } from './errors.js'
import type { AesGcmSealed } from './platform.js'

const tagLength = 16

/** The size of NIST's recommendation, and the least that is taken here. */
const minIvLength = 12

function requireKeyAndIv(key: Uint8Array, iv: Uint8Array): void {
  requireLength(key, 32, 'an AES key')
  if (iv.length < minIvLength) {
    throw new CryptoError('LENGTH', `expected an IV of at least ${minIvLength} bytes, got ${iv.length}`)
  }
}

/**
 * A tag of 16 bytes and as many bytes of ciphertext as there are of plaintext. `key` has 32 bytes; `iv` at least 12, all of
 * which count, and must not serve the key twice.
 * @throws CryptoError `LENGTH`
 */
export function encryptAesGcm(
  key: Uint8Array,
  iv: Uint8Array,
  associatedData: Uint8Array,
  plaintext: Uint8Array,
): AesGcmSealed {
  requireKeyAndIv(key, iv)
  return platform.aesGcmSeal(key, iv, associatedData, plaintext)
}

/**
 * The plaintext, a new array. A tag that has not 16 bytes does not fit.
 * @throws CryptoError `DECRYPT` if the tag does not fit the rest, `LENGTH`
 */
export function decryptAesGcm(
  key: Uint8Array,
  iv: Uint8Array,
  associatedData: Uint8Array,
  tag: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array {
  requireKeyAndIv(key, iv)
  const plaintext = tag.length === tagLength ? platform.aesGcmOpen(key, iv, associatedData, tag, ciphertext) : undefined
  if (!plaintext) {
    throw new CryptoError(
      'DECRYPT',
      `expected ${ciphertext.length} bytes encrypted with this key, IV and associated data`,
    )
  }
  return plaintext
}
