// Spec 02 §8: session keys that the TLS leaf key signs.
import { DecodeError } from '@smpkit/encoding'
import type { SigningAlgorithm } from './algorithms.js'
import { DerReader, derBitString, derSequence, tags } from './der.js'
import { CertificateError, CryptoError } from './errors.js'
import { type PrivateKey, PublicKey } from './keys.js'
import { algorithmIdentifier, signatureAlgorithmOf } from './signature-algorithm.js'
import { sign, verify } from './signatures.js'

/** The DER of the signed key object. The signature is over one more SEQUENCE around the key's own DER. */
export function signKey(signingKey: PrivateKey<SigningAlgorithm>, key: PublicKey): Uint8Array {
  const wrapped = derSequence(key.toDer())
  const signature = derBitString(sign(signingKey, wrapped))
  return derSequence(wrapped, algorithmIdentifier(signingKey.algorithm), signature)
}

/**
 * The key inside, of any algorithm, if `signer` signed it.
 * @throws CertificateError `SIGNED_KEY`
 */
export function verifySignedKey(signer: PublicKey<SigningAlgorithm>, signedKey: Uint8Array): PublicKey {
  try {
    const { wrapped, key, algorithm, signature } = parseSignedKey(signedKey)
    if (algorithm !== signer.algorithm) {
      throw new CertificateError(
        'SIGNED_KEY',
        `expected a key signed by ${signer.algorithm}, got ${algorithm ?? 'another'}`,
      )
    }
    if (!verify(signer, wrapped, signature)) {
      throw new CertificateError('SIGNED_KEY', 'expected a key signed by the leaf certificate, got another signature')
    }
    return key
  } catch (error) {
    if (error instanceof CertificateError) throw error
    if (error instanceof DecodeError || error instanceof CryptoError) {
      throw new CertificateError('SIGNED_KEY', `expected a signed key: ${error.message}`, { cause: error })
    }
    throw error
  }
}

/** Whether the bytes are a signed key, whoever signed it. */
export function isSignedKey(bytes: Uint8Array): boolean {
  try {
    parseSignedKey(bytes)
    return true
  } catch (error) {
    if (error instanceof DecodeError || error instanceof CryptoError) return false
    throw error
  }
}

function parseSignedKey(bytes: Uint8Array) {
  const der = new DerReader(bytes)
  const parts = der.inside(tags.sequence, 'signed key', () => {
    const wrapped = der.whole('wrapped key')
    return {
      wrapped,
      key: PublicKey.fromDer(new DerReader(wrapped).content(tags.sequence, 'wrapped key')),
      algorithm: signatureAlgorithmOf(der.whole('signature algorithm')),
      signature: der.octetBitString('signature'),
    }
  })
  der.end('signed key')
  return parts
}
