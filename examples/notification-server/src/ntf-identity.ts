// Spec 03 §2.3, 22 §11: who the server is for clients of the NTF protocol: an identity that stays, and an online certificate that it signs.
import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import {
  CertificateError,
  checkServerChain,
  fingerprint,
  type PrivateKey,
  parseCertificate,
  type SigningAlgorithm,
} from '@smpkit/crypto'
import {
  createServerIdentity,
  credentialsToPem,
  type RenewableIdentity,
  renewServerIdentity,
  type ServerIdentity,
  type ServerIdentityOptions,
  signingKeyFromPem,
  signingKeyToPem,
} from '@smpkit/smp-transport'
import { describeError, usageError } from 'example-chat'
import type { Config } from './config-keys.js'
import { replaceFile, writeNewFile } from './files.js'

type Files = Pick<Config['ntf'], 'certificate_file' | 'key_file'>

const advice = 'the command ntf-cert makes it'

/** @throws ProgramError if it is not there, or cannot be used */
export function readNtfIdentity({ certificate_file, key_file }: Files): ServerIdentity {
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
export function createNtfIdentity(files: Files, caKeyFile: string, options: ServerIdentityOptions): void {
  const { certificate_file, key_file } = files
  const there = [certificate_file, key_file, caKeyFile].filter((file) => fs.existsSync(file))
  if (there.length > 0) {
    throw usageError(
      `a new identity would need that there is no ${there.join(', ')}: restore what is missing, or move it away`,
    )
  }
  const identity = createServerIdentity(options)
  const pem = credentialsToPem(identity)
  writeNewFile(caKeyFile, signingKeyToPem(identity.caPrivateKey))
  writeNewFile(key_file, pem.privateKey)
  // Last: with it, all is there.
  writeNewFile(certificate_file, pem.certificates)
}

/** Another online certificate with a key of its own, signed by the same identity. @throws ProgramError */
export function renewNtfCertificate(files: Files, caKeyFile: string, options: ServerIdentityOptions): void {
  const certChain = readChain(files.certificate_file)
  const caPrivateKey = readKey(caKeyFile, '--ca-key')
  const pem = credentialsToPem(renewed({ certChain, caPrivateKey }, options))
  // If it is interrupted in between, the two do not fit, and the same command makes both anew.
  replaceFile(files.key_file, pem.privateKey)
  replaceFile(files.certificate_file, pem.certificates)
}

function renewed(
  identity: Pick<RenewableIdentity, 'certChain' | 'caPrivateKey'>,
  options: ServerIdentityOptions,
): ServerIdentity {
  try {
    return renewServerIdentity(identity, options)
  } catch (error) {
    throw usageError(`--ca-key: ${describeError(error)}`, error)
  }
}

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
  const pem = read(file, name)
  try {
    return signingKeyFromPem(pem)
  } catch (error) {
    throw usageError(`${name}: expected in ${file} a private key of Ed25519 or Ed448, in PEM`, error)
  }
}
