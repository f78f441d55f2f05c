// Certificates for the fakes: an authority of their own, with Ed25519 keys, for servers called `localhost`.
import { createCertificate, PrivateKey } from '@smpkit/crypto'

/** PEM texts. `ca` is what a client trusts, the others are what a server shows. */
export interface TestIdentity {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

const pem = (label: string, der: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`

export function createTestIdentity(commonName = 'localhost'): TestIdentity {
  const [caKey, key] = [PrivateKey.generate('ed25519'), PrivateKey.generate('ed25519')]
  const issuer = 'test authority'
  const notAfter = new Date(Date.now() + 86_400_000)
  const ca = createCertificate({ subject: issuer, subjectKey: caKey.publicKey, signingKey: caKey, ca: true, notAfter })
  const cert = createCertificate({
    subject: commonName,
    issuer,
    subjectKey: key.publicKey,
    signingKey: caKey,
    ca: false,
    notAfter,
  })
  return { ca: pem('CERTIFICATE', ca), cert: pem('CERTIFICATE', cert), key: pem('PRIVATE KEY', key.toDer()) }
}
