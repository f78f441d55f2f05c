// Spec 02 §10: keys of short links and their sealed items.
import { concat, decode, encode, nonceLength, record, shortBytes, tail, type Value } from '@smpkit/encoding'
import { boxPadded, openBoxPadded } from './box.js'
import { CryptoError, requireLength } from './errors.js'
import { hkdfSha512, sha3_256, sha3_384 } from './hash.js'
import type { PrivateKey, PublicKey } from './keys.js'
import { sign, verify } from './signatures.js'

/** Padded bytes inside a sealed item, which is 40 bytes longer: 2048 and 13824. */
const paddedLengths = { fixed: 2008, user: 13784 }

const noSalt = new Uint8Array(0)

/** What is inside the padding of an item. The signature is by the link's root key, or by an owner for user data. */
const signedItem = record({ signature: shortBytes, data: tail })

/** 32 bytes that everyone who has the link knows; they follow from the fixed data without its signature. */
export function linkKey(fixedData: Uint8Array): Uint8Array {
  return sha3_256(fixedData)
}

/** A contact link: both the id (24 bytes) and the data key (32 bytes) follow from the link key. */
export function contactLinkKeys(linkKey: Uint8Array): { linkId: Uint8Array; dataKey: Uint8Array } {
  requireLength(linkKey, 32, 'a link key')
  const keys = hkdfSha512(noSalt, linkKey, 'SimpleXContactLink', 56)
  return { linkId: keys.slice(0, 24), dataKey: keys.slice(24) }
}

/** A one-time link: the server chooses the id. */
export function invitationLinkKeys(linkKey: Uint8Array): { dataKey: Uint8Array } {
  requireLength(linkKey, 32, 'a link key')
  return { dataKey: hkdfSha512(noSalt, linkKey, 'SimpleXInvLink', 32) }
}

/** The sender id (24 bytes) that a NEW with link data must ask for. */
export function senderIdOf(corrId: Uint8Array): Uint8Array {
  return sha3_384(corrId).slice(0, 24)
}

/**
 * `nonce` (24 random bytes), then the box of the signed data: 2048 (fixed) or 13824 (user) bytes.
 * @throws EncodeError `LARGE` beyond 1941 or 13717 bytes of data
 */
export function sealLinkItem(
  kind: 'fixed' | 'user',
  key: Uint8Array,
  signingKey: PrivateKey<'ed25519'>,
  nonce: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  const signed = encode(signedItem, { signature: sign(signingKey, data), data })
  return concat(nonce, boxPadded(key, nonce, signed, paddedLengths[kind]))
}

/**
 * For an item whose signer is not known before it is read: the root key stands in the fixed data itself. Verify
 * `signature` over `data` before anything of it is believed. Both are views into a new array.
 * @throws CryptoError `DECRYPT`; DecodeError
 */
export function openUnverifiedLinkItem(key: Uint8Array, sealed: Uint8Array): Value<typeof signedItem> {
  if (sealed.length < nonceLength) {
    throw new CryptoError('DECRYPT', `expected a sealed link item, got ${sealed.length} bytes`)
  }
  return decode(signedItem, openBoxPadded(key, sealed.subarray(0, nonceLength), sealed.subarray(nonceLength)))
}

/**
 * The data of an item that `verifyKey` must have signed.
 * @throws CryptoError `DECRYPT`, `SIGNATURE_LENGTH`, `SIGNATURE_INVALID`; DecodeError
 */
export function openLinkItem(key: Uint8Array, verifyKey: PublicKey<'ed25519'>, sealed: Uint8Array): Uint8Array {
  const { signature, data } = openUnverifiedLinkItem(key, sealed)
  if (!verify(verifyKey, data, signature)) {
    throw new CryptoError('SIGNATURE_INVALID', 'expected a link item signed by its link or owner key')
  }
  return data
}
