// Spec 21 A2: encryption between the notification server and the device, for one token.
import { boxPadded, CryptoError, dh, openBoxPadded, type PrivateKey, type PublicKey, randomBytes } from '@smpkit/crypto'
import { DecodeError, EncodeError, fromBase64url, nonceLength, toBase64url } from '@smpkit/encoding'
import { PayloadError } from './errors.js'

/** Fits every provider's limit (30 §6). The reference pads to 3072. */
export const defaultPaddedLength = 2912

/** As in the JSON of a push: base64url with padding. */
export interface EncryptedText {
  /** 32 characters, 24 bytes. */
  readonly nonce: string
  /** The padded length and 16 bytes more. */
  readonly data: string
}

export interface EncryptOptions {
  /** 24 bytes; random unless given. A nonce used twice with one secret breaks the encryption: give one in tests only. */
  readonly nonce?: Uint8Array
  /** In bytes, 2 more than the longest content. 2912 unless given. */
  readonly paddedLength?: number
}

/** What the device and the notification server share for a token: 32 bytes (20 §8). */
export function tokenSecret(privateKey: PrivateKey<'x25519'>, publicKey: PublicKey<'x25519'>): Uint8Array {
  return dh(privateKey, publicKey)
}

/** @throws PayloadError `LARGE` if `content` has more than `paddedLength` - 2 bytes */
export function encryptPayload(
  secret: Uint8Array,
  content: Uint8Array,
  { nonce = randomBytes(nonceLength), paddedLength = defaultPaddedLength }: EncryptOptions = {},
): EncryptedText {
  try {
    return { nonce: toBase64url(nonce), data: toBase64url(boxPadded(secret, nonce, content, paddedLength)) }
  } catch (cause) {
    if (!(cause instanceof EncodeError)) throw cause
    throw new PayloadError('LARGE', `expected at most ${paddedLength - 2} bytes, got ${content.length}`, { cause })
  }
}

/** The content, whatever the padded length was; the caller's own. @throws PayloadError `FORMAT`, `DECRYPT` */
export function decryptPayload(secret: Uint8Array, encrypted: EncryptedText): Uint8Array {
  try {
    const nonce = fromBase64url(encrypted.nonce)
    if (nonce.length !== nonceLength) {
      throw new PayloadError('FORMAT', `expected a nonce of ${nonceLength} bytes, got ${nonce.length}`)
    }
    return openBoxPadded(secret, nonce, fromBase64url(encrypted.data)).slice()
  } catch (cause) {
    if (cause instanceof CryptoError && cause.code === 'DECRYPT') {
      throw new PayloadError('DECRYPT', 'expected data encrypted for this token', { cause })
    }
    if (cause instanceof DecodeError) {
      throw new PayloadError('FORMAT', 'expected padded data in base64url', { cause })
    }
    throw cause
  }
}
