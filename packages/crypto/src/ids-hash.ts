// Spec 06 §4: the hash of a set of queue ids.
import { requireLength } from './errors.js'
import { md5 } from './hash.js'

export const idsHashLength = 16

/** Of no ids: 16 zero bytes. */
export function emptyIdsHash(): Uint8Array {
  return new Uint8Array(idsHashLength)
}

/** Adds an id to the set, or takes it out again; the order of ids does not matter. @throws CryptoError `LENGTH` */
export function xorIdsHash(hash: Uint8Array, id: Uint8Array): Uint8Array {
  return combineIdsHashes(hash, md5(id))
}

/** Of both sets together. @throws CryptoError `LENGTH` */
export function combineIdsHashes(a: Uint8Array, b: Uint8Array): Uint8Array {
  requireLength(a, idsHashLength, 'an ids hash')
  requireLength(b, idsHashLength, 'an ids hash')
  return Uint8Array.from(a, (byte, i) => byte ^ (b[i] as number))
}
