// Spec 02, 03 §2.1: what this package refuses.

/** Each says one thing that can be wrong with a chain of certificates or with a signed key. */
export type CertificateErrorCode =
  /** There is no certificate. */
  | 'EMPTY'
  /** The chain has a number of certificates that its role does not allow. */
  | 'LENGTH'
  /** SHA-256 of the identity certificate is not the expected one. */
  | 'FINGERPRINT'
  /** A certificate is no strict DER of X.509. */
  | 'FORMAT'
  /** The leaf is no X.509 version 3 certificate. */
  | 'VERSION'
  /** A key is neither Ed25519 nor Ed448. */
  | 'ALGORITHM'
  | 'EXPIRED'
  | 'NOT_YET_VALID'
  /** The issuer's name is not the subject of the next certificate. */
  | 'ISSUER'
  /** An intermediate certificate may not issue certificates. */
  | 'CA'
  /** A certificate is not signed by the key of the next one. */
  | 'SIGNATURE'
  /** A signed key (02 §8) is malformed or not signed by the leaf. */
  | 'SIGNED_KEY'

export type CryptoErrorCode =
  /** A box was not made with this secret and nonce, or was changed. */
  | 'DECRYPT'
  /** A signature of neither 64 nor 114 bytes. */
  | 'SIGNATURE_LENGTH'
  /** A signature that does not fit the data and the key. */
  | 'SIGNATURE_INVALID'
  /** A secret, nonce, id or hash of the wrong length. */
  | 'LENGTH'
  /** A key of the wrong length or algorithm, no strict DER, or a point that gives no secret. */
  | 'KEY'
  | CertificateErrorCode

/** Base of all errors of this package. Messages never hold bytes. */
export class CryptoError extends Error {
  override readonly name: string = 'CryptoError'
  readonly temporary = false

  constructor(
    readonly code: CryptoErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** A key that cannot be used. */
export class KeyError extends CryptoError {
  override readonly name = 'KeyError'
  declare readonly code: 'KEY'

  constructor(message: string, options?: ErrorOptions) {
    super('KEY', message, options)
  }
}

/** A certificate, a chain or a signed key that is not to be trusted. */
export class CertificateError extends CryptoError {
  override readonly name = 'CertificateError'
  declare readonly code: CertificateErrorCode

  constructor(code: CertificateErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/** @throws CryptoError `LENGTH` */
export function requireLength(bytes: Uint8Array, length: number, name: string): void {
  if (bytes.length !== length) {
    throw new CryptoError('LENGTH', `expected ${name} of ${length} bytes, got ${bytes.length}`)
  }
}
