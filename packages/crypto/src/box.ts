// Spec 02 §1: box and the protocol's own "secret box", which are one function.

import { hsalsa } from '@noble/ciphers/salsa.js'
import { nonceLength, padInto, unpad } from '@smpkit/encoding'
import { platform } from '#platform'
import { CryptoError, requireLength } from './errors.js'

/** Bytes that a box is longer than what is in it. */
export const tagLength = 16

/** `expand 32-byte k` */
const sigma = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574)
const zeros = new Uint32Array(4)

/** HSalsa20 of the secret: what NaCl calls `beforenm`. Symmetric keys go through it too. */
function boxKey(secret: Uint8Array): Uint8Array {
  requireLength(secret, 32, 'a secret')
  const words = new Uint32Array(8)
  const bytes = new Uint8Array(words.buffer)
  bytes.set(secret)
  hsalsa(sigma, words, zeros, words)
  return bytes
}

/** Encrypts the message that stands at offset 16 of `block` and puts the tag before it. */
export function sealInPlace(secret: Uint8Array, nonce: Uint8Array, block: Uint8Array): void {
  requireLength(nonce, nonceLength, 'a nonce')
  platform.secretboxSeal(boxKey(secret), nonce, block)
}

/**
 * Tag (16 bytes), then ciphertext. `secret` is a 32-byte DH secret or symmetric key, `nonce` has 24 bytes.
 * @throws CryptoError `LENGTH`
 */
export function box(secret: Uint8Array, nonce: Uint8Array, message: Uint8Array): Uint8Array {
  const boxed = platform.allocate(tagLength + message.length)
  boxed.set(message, tagLength)
  sealInPlace(secret, nonce, boxed)
  return boxed
}

/** Decrypts what follows the tag in `block` and returns it as a view. @throws CryptoError `DECRYPT`, `LENGTH` */
export function openInPlace(secret: Uint8Array, nonce: Uint8Array, block: Uint8Array): Uint8Array {
  requireLength(nonce, nonceLength, 'a nonce')
  if (block.length < tagLength || !platform.secretboxOpen(boxKey(secret), nonce, block)) {
    throw new CryptoError('DECRYPT', `expected a box made with this secret and nonce, got ${block.length} other bytes`)
  }
  return block.subarray(tagLength)
}

/** The message, a view into a new array 16 bytes longer. @throws CryptoError `DECRYPT`, `LENGTH` */
export function openBox(secret: Uint8Array, nonce: Uint8Array, boxed: Uint8Array): Uint8Array {
  const block = platform.allocate(boxed.length)
  block.set(boxed)
  return openInPlace(secret, nonce, block)
}

/**
 * The box of the message padded to `paddedLength` bytes (01 §6): 16 bytes longer than that.
 * @throws EncodeError `LARGE` if the message does not fit
 */
export function boxPadded(
  secret: Uint8Array,
  nonce: Uint8Array,
  message: Uint8Array,
  paddedLength: number,
): Uint8Array {
  const boxed = platform.allocate(tagLength + paddedLength)
  padInto(boxed.subarray(tagLength), message)
  sealInPlace(secret, nonce, boxed)
  return boxed
}

/**
 * The message, a view into a new array of the padded length: copy what is small and stays.
 * @throws CryptoError `DECRYPT`; DecodeError for bad padding
 */
export function openBoxPadded(secret: Uint8Array, nonce: Uint8Array, boxed: Uint8Array): Uint8Array {
  return unpad(openBox(secret, nonce, boxed))
}
