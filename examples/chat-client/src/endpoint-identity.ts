// A certificate for where pushes come to, for who has none: of an authority of its own, which the notification server is to trust.
import { createCertificate, PrivateKey } from '@smpkit/crypto'

/** PEM. */
export interface EndpointIdentity {
  readonly cert: string
  readonly key: string
  /** What to trust; `null` where the certificate was given. */
  readonly ca: string | null
}

const pem = (label: string, der: Uint8Array) => {
  const lines = Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}

/** For a host by name: an IP address would have to be in there in another way. */
export function createEndpointIdentity(host: string): EndpointIdentity {
  const [caKey, key] = [PrivateKey.generate('ed25519'), PrivateKey.generate('ed25519')]
  const issuer = `chat-client at ${host}`
  const ca = createCertificate({ subject: issuer, subjectKey: caKey.publicKey, signingKey: caKey, ca: true })
  const cert = createCertificate({ subject: host, issuer, subjectKey: key.publicKey, signingKey: caKey, ca: false })
  return { cert: pem('CERTIFICATE', cert), key: pem('PRIVATE KEY', key.toDer()), ca: pem('CERTIFICATE', ca) }
}
