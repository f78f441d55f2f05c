// Spec 03 §2.1: which certificate of a chain is what, and whether the chain is to be trusted.
import { equalBytes } from '@smpkit/encoding'
import type { SigningAlgorithm } from './algorithms.js'
import { type Certificate, fingerprint, mayCertSign, parseCertificate } from './certificate.js'
import { CertificateError } from './errors.js'
import { constantTimeEqual } from './hash.js'
import type { PublicKey } from './keys.js'
import { verify } from './signatures.js'

/** The leaf has the TLS key, the identity is what addresses name, the root is what signatures end in. */
export interface ChainRoles {
  /** DER; one certificate has all the roles in a chain of `self`. */
  readonly leaf: Uint8Array
  readonly identity: Uint8Array
  readonly root: Uint8Array
}

export type ChainShape =
  | { readonly shape: 'empty' }
  | ({ readonly shape: 'self' | 'valid' } & ChainRoles)
  | { readonly shape: 'long' }

/** By the number of certificates alone: none, one, two to four, more. */
export function chainShape(chain: readonly Uint8Array[]): ChainShape {
  const [leaf] = chain
  if (leaf === undefined) return { shape: 'empty' }
  const [, identity = leaf] = chain
  const root = chain[chain.length - 1] as Uint8Array
  if (chain.length > 4) return { shape: 'long' }
  return { shape: chain.length === 1 ? 'self' : 'valid', leaf, identity, root }
}

/**
 * The check that a client makes of a server's chain, leaf first: two to four certificates, the second of which has the
 * fingerprint `keyHash`. Host names and unknown extensions are not looked at, nor are the dates of the last certificate.
 * @returns the leaf's key @throws CertificateError
 */
export function checkServerChain(
  chain: readonly Uint8Array[],
  keyHash: Uint8Array,
  now: Date = new Date(),
): PublicKey<SigningAlgorithm> {
  const roles = chainShape(chain)
  if (roles.shape === 'empty') throw new CertificateError('EMPTY', 'expected 2 to 4 certificates, got none')
  if (roles.shape !== 'valid') {
    throw new CertificateError('LENGTH', `expected 2 to 4 certificates, got ${chain.length}`)
  }
  if (!constantTimeEqual(fingerprint(roles.identity), keyHash)) {
    throw new CertificateError('FINGERPRINT', 'expected the identity certificate of the address, got another')
  }
  return checkSignatures(chain, now)
}

/**
 * The check that a server makes of a client's chain: none at all, one self-signed certificate, or two to four.
 * @returns `undefined` without certificates; else the leaf's key and the identity's fingerprint @throws CertificateError
 */
export function checkClientChain(
  chain: readonly Uint8Array[],
  now: Date = new Date(),
): { leafKey: PublicKey<SigningAlgorithm>; fingerprint: Uint8Array } | undefined {
  const roles = chainShape(chain)
  if (roles.shape === 'empty') return undefined
  if (roles.shape === 'long') {
    throw new CertificateError('LENGTH', `expected at most 4 certificates, got ${chain.length}`)
  }
  return { leafKey: checkSignatures(chain, now), fingerprint: fingerprint(roles.identity) }
}

/** A chain of one certificate must have signed itself. */
function checkSignatures(chain: readonly Uint8Array[], now: Date): PublicKey<SigningAlgorithm> {
  const certificates = chain.map(parseCertificate)
  const last = certificates[certificates.length - 1] as Certificate
  const issued = certificates.length === 1 ? certificates : certificates.slice(0, -1)
  issued.forEach((certificate, i) => {
    if (i === 0) checkLeaf(certificate)
    else checkIntermediate(certificate, i)
    checkDates(certificate, i, now)
    checkIssued(certificate, certificates[i + 1] ?? last, i)
  })
  return keyOf(certificates[0] as Certificate, 0)
}

/** Certificates are counted from 1 in messages, as in the specification. */
const name = (i: number) => `certificate ${i + 1}`

function checkLeaf(leaf: Certificate): void {
  if (leaf.version !== 3) throw new CertificateError('VERSION', `expected a leaf of version 3, got ${leaf.version}`)
}

function checkIntermediate(certificate: Certificate, i: number): void {
  const { isCa, pathLength = Number.POSITIVE_INFINITY } = certificate
  // Between it and the leaf there are i - 1 others.
  if (!isCa || !mayCertSign(certificate) || pathLength < i - 1) {
    throw new CertificateError('CA', `expected ${name(i)} to be one that may issue certificates`)
  }
}

function checkDates({ notBefore, notAfter }: Certificate, i: number, now: Date): void {
  if (now < notBefore) {
    throw new CertificateError(
      'NOT_YET_VALID',
      `expected ${name(i)} to be valid, got one from ${notBefore.toISOString()}`,
    )
  }
  if (now > notAfter) {
    throw new CertificateError('EXPIRED', `expected ${name(i)} to be valid, got one until ${notAfter.toISOString()}`)
  }
}

function checkIssued(certificate: Certificate, issuer: Certificate, i: number): void {
  if (!equalBytes(certificate.issuer, issuer.subject)) {
    throw new CertificateError(
      'ISSUER',
      `expected the issuer of ${name(i)} as the subject of the next one, got another`,
    )
  }
  const key = keyOf(issuer, i + 1)
  const { signatureAlgorithm, signature, signed } = certificate
  // Algorithm and length first: `verify` takes the signature of either algorithm.
  const fits = signatureAlgorithm === key.algorithm && (signature.length === 64 || signature.length === 114)
  if (!fits || !verify(key, signed, signature)) {
    throw new CertificateError('SIGNATURE', `expected ${name(i)} to be signed by the key of the next one`)
  }
}

function keyOf({ publicKey }: Certificate, i: number): PublicKey<SigningAlgorithm> {
  if (!publicKey) throw new CertificateError('ALGORITHM', `expected an Ed25519 or Ed448 key in ${name(i)}`)
  return publicKey
}
