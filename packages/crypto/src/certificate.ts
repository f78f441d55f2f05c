// Spec 03 §2.1, RFC 5280: what the protocols need of an X.509 certificate, read as strict DER.
import { DecodeError, equalBytes, toHex } from '@smpkit/encoding'
import type { SigningAlgorithm } from './algorithms.js'
import { DerReader, tags } from './der.js'
import { CertificateError, KeyError } from './errors.js'
import { sha256 } from './hash.js'
import { PublicKey } from './keys.js'
import { signatureAlgorithmOf } from './signature-algorithm.js'

/** All arrays are views into `der`, which is a copy of the input. */
export interface Certificate {
  readonly der: Uint8Array
  readonly version: 1 | 2 | 3
  /** Two's complement. */
  readonly serialNumber: Uint8Array
  /** DER of the Name: names are equal where these bytes are. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly notBefore: Date
  /** Included in the validity. */
  readonly notAfter: Date
  /** DER of the SubjectPublicKeyInfo, of any algorithm. */
  readonly spki: Uint8Array
  /** `undefined` where it is of another algorithm. */
  readonly publicKey: PublicKey<SigningAlgorithm> | undefined
  /** basicConstraints: CA. `false` where the extension is absent. */
  readonly isCa: boolean
  /** basicConstraints: how many further intermediate certificates may follow below this one. */
  readonly pathLength: number | undefined
  /** keyUsage: bit 0 is the highest bit of the first byte. `undefined` where the extension is absent. */
  readonly keyUsage: Uint8Array | undefined
  /** What the issuer signed, its algorithm (`undefined`: another) and its signature. */
  readonly signed: Uint8Array
  readonly signatureAlgorithm: SigningAlgorithm | undefined
  readonly signature: Uint8Array
}

interface Extensions {
  isCa: boolean
  pathLength: number | undefined
  keyUsage: Uint8Array | undefined
}

/** Object identifiers without tag and length. */
const oids = { keyUsage: '551d0f', basicConstraints: '551d13' }

/** SHA-256 of the whole DER, 32 bytes: the identity of a server. */
export function fingerprint(der: Uint8Array): Uint8Array {
  return sha256(der)
}

/** The whole input is one certificate; no signature is checked. @throws CertificateError `FORMAT` */
export function parseCertificate(der: Uint8Array): Certificate {
  try {
    return readCertificate(new Uint8Array(der))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new CertificateError('FORMAT', `expected an X.509 certificate: ${error.message}`, { cause: error })
  }
}

/** Whether keyUsage, if present, allows to sign certificates (bit 5). */
export function mayCertSign({ keyUsage }: Certificate): boolean {
  return keyUsage === undefined || ((keyUsage[0] ?? 0) & 0x04) !== 0
}

function readCertificate(bytes: Uint8Array): Certificate {
  const der = new DerReader(bytes)
  const certificate = der.inside(tags.sequence, 'certificate', () => {
    const signed = der.whole('signed part')
    const { algorithm, ...fields } = readSignedPart(signed)
    if (!equalBytes(der.whole('signature algorithm'), algorithm))
      throw der.invalid('one signature algorithm in both places')
    const signature = der.octetBitString('signature')
    return { der: bytes, ...fields, signed, signatureAlgorithm: signatureAlgorithmOf(algorithm), signature }
  })
  der.end('certificate')
  return certificate
}

function readSignedPart(signed: Uint8Array) {
  const der = new DerReader(signed)
  return der.inside(tags.sequence, 'signed part', () => {
    const version = readVersion(der)
    const serialNumber = der.integer('serial number')
    const algorithm = der.whole('signature algorithm')
    const issuer = der.whole('issuer')
    const [notBefore, notAfter] = der.inside(tags.sequence, 'validity', () => [readTime(der), readTime(der)] as const)
    const subject = der.whole('subject')
    const spki = der.whole('public key')
    // Between the key and the extensions there may be unique ids, which nobody uses.
    while (der.next() !== undefined && der.next() !== tags.context3) der.whole('unique id')
    const extensions = readExtensions(der)
    const publicKey = signingKeyOf(spki)
    return { version, serialNumber, algorithm, issuer, notBefore, notAfter, subject, spki, publicKey, ...extensions }
  })
}

function readVersion(der: DerReader): 1 | 2 | 3 {
  if (der.next() !== tags.context0) return 1
  const version = der.inside(tags.context0, 'version', () => der.smallInteger('version'))
  if (version === 1) return 2
  if (version === 2) return 3
  throw der.invalid('version 2 or 3')
}

function signingKeyOf(spki: Uint8Array): PublicKey<SigningAlgorithm> | undefined {
  try {
    const key = PublicKey.fromDer(spki)
    return key.is('ed25519', 'ed448') ? key : undefined
  } catch (error) {
    if (error instanceof KeyError) return undefined
    throw error
  }
}

/** `YYMMDDhhmmssZ` from 1950 to 2049, or `YYYYMMDDhhmmssZ`. */
function readTime(der: DerReader): Date {
  const short = der.next() === tags.utcTime
  const bytes = der.content(short ? tags.utcTime : tags.generalizedTime, 'time')
  const text = String.fromCharCode(...bytes.subarray(0, 20))
  const digits = short ? `${text < '50' ? '20' : '19'}${text}` : text
  const iso = digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6.000Z')
  const time = new Date(iso)
  // Also refuses what Date would turn into another day, such as 30 February.
  if (iso === digits || Number.isNaN(time.getTime()) || time.toISOString() !== iso) throw der.invalid('a time')
  return time
}

function readExtensions(der: DerReader): Extensions {
  const extensions: Extensions = { isCa: false, pathLength: undefined, keyUsage: undefined }
  if (der.next() === undefined) return extensions
  const seen = new Set<string>()
  der.inside(tags.context3, 'extensions', () =>
    der.inside(tags.sequence, 'extensions', () => {
      while (der.next() !== undefined) {
        const [oid, value] = readExtension(der)
        if (seen.has(oid)) throw der.invalid('each extension once')
        seen.add(oid)
        if (oid === oids.basicConstraints) Object.assign(extensions, readBasicConstraints(value))
        if (oid === oids.keyUsage) extensions.keyUsage = readKeyUsage(value)
      }
    }),
  )
  return extensions
}

/** Whether an extension is critical does not matter: those that are known are always respected. */
function readExtension(der: DerReader): [oid: string, value: Uint8Array] {
  return der.inside(tags.sequence, 'extension', () => {
    const oid = toHex(der.content(tags.objectId, 'extension id'))
    if (der.next() === tags.boolean) der.boolean('critical')
    return [oid, der.content(tags.octetString, 'extension value')]
  })
}

function readBasicConstraints(value: Uint8Array): Pick<Extensions, 'isCa' | 'pathLength'> {
  const der = new DerReader(value)
  const constraints = der.inside(tags.sequence, 'basic constraints', () => ({
    isCa: der.next() === tags.boolean && der.boolean('CA'),
    pathLength: der.next() === tags.integer ? der.smallInteger('path length') : undefined,
  }))
  der.end('basic constraints')
  return constraints
}

function readKeyUsage(value: Uint8Array): Uint8Array {
  const der = new DerReader(value)
  const content = der.content(tags.bitString, 'key usage')
  der.end('key usage')
  if (content.length === 0 || (content[0] as number) > 7) throw der.invalid('a bit string as key usage')
  return content.subarray(1)
}
