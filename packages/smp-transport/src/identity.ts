// Spec 03 §2.3, 06 §2: who a server or a service is.
import {
  CertificateError,
  chainShape,
  createCertificate,
  fingerprint,
  PrivateKey,
  parseCertificate,
  type SigningAlgorithm,
} from '@smpkit/crypto'
import { fromPem, type TlsCredentials, toPem } from './tls-options.js'

/** What a server presents in TLS, and the fingerprint by which its addresses name it. */
export interface ServerIdentity extends TlsCredentials {
  /** SHA-256 of the identity certificate, the second of the chain; 32 bytes. */
  readonly fingerprint: Uint8Array
  /** Of the identity certificate, where we have it: to be kept away from the server, needed to renew the leaf only. */
  readonly caPrivateKey: PrivateKey<SigningAlgorithm> | null
}

/** One whose online certificate can be renewed. */
export interface RenewableIdentity extends ServerIdentity {
  readonly caPrivateKey: PrivateKey<SigningAlgorithm>
}

export interface ServerIdentityOptions {
  /** Of both keys. Default Ed25519. */
  algorithm?: SigningAlgorithm
  /** Name of the online certificate; clients do not look at it. Default `127.0.0.1`. */
  commonName?: string
  /** Of both certificates. Default: an hour ago. */
  notBefore?: Date
  /** Of both certificates. Default: 999999 days after `notBefore`. */
  notAfter?: Date
}

/** An identity certificate and an online certificate that it signs. */
export function createServerIdentity(options: ServerIdentityOptions = {}): RenewableIdentity {
  const { algorithm = 'ed25519', commonName: _, ...validity } = options
  const caPrivateKey = PrivateKey.generate(algorithm)
  const ca = createCertificate({
    subject: { commonName: 'SMP server CA', organization: 'SimpleX' },
    subjectKey: caPrivateKey.publicKey,
    signingKey: caPrivateKey,
    ca: true,
    ...validity,
  })
  return withOnlineCertificate([ca], ca, caPrivateKey, options)
}

/**
 * The same identity with another online certificate, of a new key. The options are those of the online certificate; `algorithm`
 * is by default that of the identity. @throws CertificateError `LENGTH`, `FORMAT`; `SIGNATURE` if the key is not that of the identity
 */
export function renewServerIdentity(
  { certChain, caPrivateKey }: Pick<RenewableIdentity, 'certChain' | 'caPrivateKey'>,
  options: ServerIdentityOptions = {},
): RenewableIdentity {
  const { identity } = serverChain(certChain)
  if (!parseCertificate(identity).publicKey?.equals(caPrivateKey.publicKey)) {
    throw new CertificateError('SIGNATURE', 'expected the key of the identity certificate, got another')
  }
  return withOnlineCertificate(certChain.slice(1), identity, caPrivateKey, options)
}

function withOnlineCertificate(
  issuers: readonly Uint8Array[],
  ca: Uint8Array,
  caPrivateKey: PrivateKey<SigningAlgorithm>,
  { algorithm = caPrivateKey.algorithm, commonName = '127.0.0.1', ...validity }: ServerIdentityOptions,
): RenewableIdentity {
  const privateKey = PrivateKey.generate(algorithm)
  const certificate = createCertificate({
    subject: commonName,
    issuer: parseCertificate(ca).subject,
    subjectKey: privateKey.publicKey,
    signingKey: caPrivateKey,
    ca: false,
    ...validity,
  })
  return { certChain: [certificate, ...issuers], privateKey, fingerprint: fingerprint(ca), caPrivateKey }
}

/**
 * A self-signed certificate for a service, as the reference makes them: valid from 25 hours ago.
 * The server knows the service by it: keep it.
 */
export function createServiceCredentials(now = new Date()): TlsCredentials {
  const privateKey = PrivateKey.generate('ed25519')
  const certificate = createCertificate({
    subject: 'simplex',
    subjectKey: privateKey.publicKey,
    signingKey: privateKey,
    ca: false,
    notBefore: new Date(now.getTime() - 25 * 3_600_000),
  })
  return { certChain: [certificate], privateKey }
}

/** PEM texts as `tls.createServer` and OpenSSL use them. */
export interface CredentialsPem {
  /** The chain, leaf first. */
  readonly certificates: string
  /** PKCS#8 of the leaf's key. */
  readonly privateKey: string
}

export function credentialsToPem({ certChain, privateKey }: TlsCredentials): CredentialsPem {
  return {
    certificates: certChain.map((der) => toPem('CERTIFICATE', der)).join(''),
    privateKey: signingKeyToPem(privateKey),
  }
}

/** Of a service: 1 to 4 certificates. @throws CertificateError, KeyError */
export function credentialsFromPem(pem: CredentialsPem): TlsCredentials {
  const certChain = fromPem('CERTIFICATE', pem.certificates)
  const privateKey = signingKeyFromPem(pem.privateKey)
  const leaf = certChain.map(parseCertificate)[0]
  if (!leaf) throw new CertificateError('EMPTY', 'expected a certificate in PEM')
  if (!leaf.publicKey?.equals(privateKey.publicKey)) {
    throw new CertificateError('SIGNATURE', 'expected the private key of the first certificate, got another')
  }
  return { certChain, privateKey }
}

/** Of a server: 2 to 4 certificates. @throws CertificateError, KeyError */
export function serverIdentityFromPem(pem: CredentialsPem): ServerIdentity {
  const credentials = credentialsFromPem(pem)
  const { identity } = serverChain(credentials.certChain)
  return { ...credentials, fingerprint: fingerprint(identity), caPrivateKey: null }
}

function serverChain(certChain: readonly Uint8Array[]) {
  const chain = chainShape(certChain)
  if (chain.shape === 'valid') return chain
  throw new CertificateError('LENGTH', `expected 2 to 4 certificates, got ${certChain.length}`)
}

/** PKCS#8, for a key that is kept by itself, such as `caPrivateKey`. */
export const signingKeyToPem = (key: PrivateKey<SigningAlgorithm>): string => toPem('PRIVATE KEY', key.toDer())

/** @throws CertificateError, KeyError */
export function signingKeyFromPem(pem: string): PrivateKey<SigningAlgorithm> {
  const [der, ...others] = fromPem('PRIVATE KEY', pem)
  if (!der || others.length > 0) throw new CertificateError('FORMAT', 'expected one private key in PEM')
  const key = PrivateKey.fromDer(der)
  if (key.is('ed25519', 'ed448')) return key
  throw new CertificateError('ALGORITHM', `expected a signing key, got ${key.algorithm}`)
}
