// Spec 03 §2.3: certificates of server identities and of services.
import { concat } from '@smpkit/encoding'
import type { SigningAlgorithm } from './algorithms.js'
import { derBitString, derElement, derObjectId, derSequence, tags } from './der.js'
import { randomBytes } from './hash.js'
import type { PrivateKey, PublicKey } from './keys.js'
import { algorithmIdentifier } from './signature-algorithm.js'
import { sign } from './signatures.js'

/** A text is the common name. */
export type CertificateName = string | { readonly commonName: string; readonly organization?: string }

export interface CertificateOptions {
  readonly subject: CertificateName
  /** The subject of the certificate that signs: its DER (`Certificate.subject`) or its name. Default: `subject`. */
  readonly issuer?: CertificateName | Uint8Array
  readonly subjectKey: PublicKey<SigningAlgorithm>
  /** The issuer's key; the subject's own for a self-signed certificate. */
  readonly signingKey: PrivateKey<SigningAlgorithm>
  /** Whether the subject may issue certificates; else it is for TLS servers and clients. */
  readonly ca: boolean
  /** Default: an hour ago, for clocks that are behind. Whole seconds. */
  readonly notBefore?: Date
  /** Default: 999999 days after `notBefore`. At most the year 9999. */
  readonly notAfter?: Date
}

const hour = 3_600_000
const validity = 999_999 * 24 * hour

const textEncoder = new TextEncoder()
const integer = (bytes: Uint8Array) => derElement(tags.integer, bytes)
const yes = derElement(tags.boolean, Uint8Array.of(0xff))

/** The DER of an X.509 version 3 certificate. There are no key identifiers, so that issuers are found by name. */
export function createCertificate(options: CertificateOptions): Uint8Array {
  const { subject, issuer = subject, subjectKey, signingKey, ca } = options
  const { notBefore = new Date(Date.now() - hour), notAfter = new Date(notBefore.getTime() + validity) } = options
  const signed = derSequence(
    derElement(tags.context0, integer(Uint8Array.of(2))),
    randomSerialNumber(),
    algorithmIdentifier(signingKey.algorithm),
    issuer instanceof Uint8Array ? issuer : nameToDer(issuer),
    derSequence(time(notBefore), time(notAfter)),
    nameToDer(subject),
    subjectKey.toDer(),
    derElement(tags.context3, ca ? caExtensions : leafExtensions),
  )
  return derSequence(signed, algorithmIdentifier(signingKey.algorithm), derBitString(sign(signingKey, signed)))
}

/** 16 bytes; the first one makes them a positive integer in its minimal form. */
function randomSerialNumber(): Uint8Array {
  return integer(concat(Uint8Array.of(1), randomBytes(15)))
}

function nameToDer(name: CertificateName): Uint8Array {
  const { commonName, organization } = typeof name === 'string' ? { commonName: name, organization: undefined } : name
  const part = (arc: number, text: string) =>
    derElement(tags.set, derSequence(derObjectId(0x55, 4, arc), derElement(tags.utf8String, textEncoder.encode(text))))
  return derSequence(part(3, commonName), ...(organization === undefined ? [] : [part(10, organization)]))
}

/** RFC 5280: the short form until 2049. */
function time(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, '')
  const year = date.getUTCFullYear()
  if (year >= 1950 && year < 2050) return derElement(tags.utcTime, textEncoder.encode(digits.slice(2)))
  return derElement(tags.generalizedTime, textEncoder.encode(digits))
}

function extension(arc: number, critical: boolean, value: Uint8Array): Uint8Array {
  const parts = [derObjectId(0x55, 0x1d, arc), ...(critical ? [yes] : []), derElement(tags.octetString, value)]
  return derSequence(...parts)
}

const basicConstraints = 19
const keyUsage = 15
const extendedKeyUsage = 37

/** keyUsage: keyCertSign. */
const caExtensions = derSequence(
  extension(basicConstraints, true, derSequence(yes)),
  extension(keyUsage, true, derBitString(Uint8Array.of(0x04), 2)),
)

/** keyUsage: digitalSignature, nonRepudiation, keyAgreement; extendedKeyUsage: serverAuth, clientAuth. */
const leafExtensions = derSequence(
  extension(basicConstraints, false, derSequence()),
  extension(keyUsage, false, derBitString(Uint8Array.of(0xc8), 3)),
  extension(
    extendedKeyUsage,
    false,
    derSequence(...[1, 2].map((purpose) => derObjectId(0x2b, 6, 1, 5, 5, 7, 3, purpose))),
  ),
)
