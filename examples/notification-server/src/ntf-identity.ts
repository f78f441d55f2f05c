// Spec 03 §2.3, 22 §11: who the server is for clients of the NTF protocol: an identity that stays, and an online certificate that it signs.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import {
  CertificateError,
  checkServerChain,
  createCertificate,
  fingerprint,
  PrivateKey,
  parseCertificate,
  type SigningAlgorithm,
} from '@smpkit/crypto'
import { describeError, usageError } from 'example-chat'
import type { Config } from './config-keys.js'
import { replaceFile, writeNewFile } from './files.js'

/** What the server shows in TLS. */
export interface NtfIdentity {
  /** DER: the online certificate, then the identity. */
  readonly certChain: readonly Uint8Array[]
  /** Of the online certificate. */
  readonly privateKey: PrivateKey<SigningAlgorithm>
  /** By which addresses name the server. */
  readonly fingerprint: Uint8Array
  /** Not needed to serve. */
  readonly caPrivateKey: null
}

export interface NewCertificateOptions {
  readonly algorithm: SigningAlgorithm
  /** Of the online certificate; clients do not look at it. */
  readonly commonName: string
}

type Files = Pick<Config['ntf'], 'certificate_file' | 'key_file'>

const advice = 'the command ntf-cert makes it'

/** @throws ProgramError if it is not there, or cannot be used */
export function readNtfIdentity({ certificate_file, key_file }: Files): NtfIdentity {
  const certChain = readChain(certificate_file)
  const [, identity = new Uint8Array()] = certChain
  const privateKey = readKey(key_file, 'ntf.key_file')
  const hash = fingerprint(identity)
  try {
    if (!checkServerChain(certChain, hash).equals(privateKey.publicKey)) {
      throw new CertificateError('SIGNATURE', 'the key is that of another certificate')
    }
  } catch (error) {
    throw usageError(
      `ntf.certificate_file: ${certificate_file} cannot be used, the command ntf-cert renews it: ${describeError(error)}`,
      error,
    )
  }
  return { certChain, privateKey, fingerprint: hash, caPrivateKey: null }
}

/** Of a server whose key need not be there. @throws ProgramError */
export function readNtfFingerprint({ certificate_file }: Pick<Files, 'certificate_file'>): Uint8Array {
  const [, identity = new Uint8Array()] = readChain(certificate_file)
  return fingerprint(identity)
}

/** A new identity with its online certificate, in files of which none may be there. @throws ProgramError */
export function createNtfIdentity(files: Files, caKeyFile: string, options: NewCertificateOptions): void {
  const { certificate_file, key_file } = files
  const there = [certificate_file, key_file, caKeyFile].filter((file) => fs.existsSync(file))
  if (there.length > 0) {
    throw usageError(
      `a new identity would need that there is no ${there.join(', ')}: restore what is missing, or move it away`,
    )
  }
  const caKey = PrivateKey.generate(options.algorithm)
  const ca = createCertificate({
    subject: { commonName: 'SMP server CA', organization: 'SimpleX' },
    subjectKey: caKey.publicKey,
    signingKey: caKey,
    ca: true,
  })
  const { certificate, key } = onlineCertificate(ca, caKey, options)
  writeNewFile(caKeyFile, keyPem(caKey))
  writeNewFile(key_file, keyPem(key))
  // Last: with it, all is there.
  writeNewFile(certificate_file, chainPem([certificate, ca]))
}

/** Another online certificate with a key of its own, signed by the same identity. @throws ProgramError */
export function renewNtfCertificate(files: Files, caKeyFile: string, options: NewCertificateOptions): void {
  const [, ca = new Uint8Array()] = readChain(files.certificate_file)
  const caKey = readKey(caKeyFile, '--ca-key')
  if (!parseCertificate(ca).publicKey?.equals(caKey.publicKey)) {
    throw usageError(`--ca-key: expected the key of the identity in ${files.certificate_file}, got another`)
  }
  const { certificate, key } = onlineCertificate(ca, caKey, options)
  // If it is interrupted in between, the two do not fit, and the same command makes both anew.
  replaceFile(files.key_file, keyPem(key))
  replaceFile(files.certificate_file, chainPem([certificate, ca]))
}

function onlineCertificate(
  ca: Uint8Array,
  signingKey: PrivateKey<SigningAlgorithm>,
  { algorithm, commonName }: NewCertificateOptions,
) {
  const key = PrivateKey.generate(algorithm)
  const issuer = parseCertificate(ca).subject
  return {
    key,
    certificate: createCertificate({ subject: commonName, issuer, subjectKey: key.publicKey, signingKey, ca: false }),
  }
}

const chainPem = (chain: readonly Uint8Array[]) => chain.map((der) => new X509Certificate(der).toString()).join('')

const keyPem = (key: PrivateKey): string =>
  createPrivateKey({ key: Buffer.from(key.toDer()), format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString()

function read(file: string, key: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    throw usageError(`${key}: the file ${file} cannot be read${key === '--ca-key' ? '' : `, ${advice}`}`, error)
  }
}

function readChain(file: string): Uint8Array[] {
  const pem = read(file, 'ntf.certificate_file')
  const texts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    if (texts.length < 2 || texts.length > 4) throw new Error(`expected 2 to 4 certificates, got ${texts.length}`)
    const chain = texts.map((text) => new Uint8Array(new X509Certificate(text).raw))
    for (const der of chain) parseCertificate(der)
    return chain
  } catch (error) {
    throw usageError(
      `ntf.certificate_file: expected in ${file} the online certificate and the identity, in PEM: ${describeError(error)}`,
      error,
    )
  }
}

function readKey(file: string, name: string): PrivateKey<SigningAlgorithm> {
  const key = keyOf(read(file, name))
  if (!key) throw usageError(`${name}: expected in ${file} a private key of Ed25519 or Ed448, in PEM`)
  return key
}

/** Without the error, which may quote the key. */
function keyOf(pem: string): PrivateKey<SigningAlgorithm> | undefined {
  try {
    const key = PrivateKey.fromDer(createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' }))
    return key.is('ed25519', 'ed448') ? key : undefined
  } catch {
    return undefined
  }
}
