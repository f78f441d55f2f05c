// Spec 01 §7: nonces made from ids.
import { fromBase64url } from './base64url.js'

export const nonceLength = 24

/** 24 bytes as they are; longer ids are cut, shorter ones are filled with zeros. Always a copy. */
export function nonceFromBytes(bytes: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(nonceLength)
  nonce.set(bytes.subarray(0, nonceLength))
  return nonce
}

/** The text form accepts any length, by the rule of `nonceFromBytes`. @throws DecodeError */
export function nonceFromText(text: string): Uint8Array {
  return nonceFromBytes(fromBase64url(text))
}

/** The nonce of a response to what was encrypted with `nonce`. */
export function reverseNonce(nonce: Uint8Array): Uint8Array {
  return new Uint8Array(nonce).reverse()
}
