// Spec 02 §4: authenticators, the deniable alternative to signatures.
import { nonceFromBytes } from '@smpkit/encoding'
import { box, openBox, tagLength } from './box.js'
import { CryptoError } from './errors.js'
import { constantTimeEqual, sha512 } from './hash.js'
import type { PrivateKey, PublicKey } from './keys.js'
import { dh } from './signatures.js'

/** Tag and encrypted SHA-512. */
export const authenticatorLength = tagLength + 64

/**
 * Of `message` (the authorized bytes), 80 bytes. One correlation id must not serve two messages with the same keys.
 * @throws KeyError if the server's key is of low order
 */
export function authenticate(
  queueKey: PrivateKey<'x25519'>,
  serverKey: PublicKey<'x25519'>,
  corrId: Uint8Array,
  message: Uint8Array,
): Uint8Array {
  return box(dh(queueKey, serverKey), nonceFromBytes(corrId), sha512(message))
}

/** Never throws for what a peer sent: a queue key of low order authenticates nothing. */
export function verifyAuthenticator(
  queueKey: PublicKey<'x25519'>,
  serverKey: PrivateKey<'x25519'>,
  corrId: Uint8Array,
  message: Uint8Array,
  authenticator: Uint8Array,
): boolean {
  const expected = sha512(message)
  try {
    return constantTimeEqual(openBox(dh(serverKey, queueKey), nonceFromBytes(corrId), authenticator), expected)
  } catch (error) {
    if (error instanceof CryptoError) return false
    throw error
  }
}
