// Spec 03 §2: the exact parameters of TLS, and what a handshake leaves behind.
import { constants } from 'node:crypto'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import type { PrivateKey, SigningAlgorithm } from '@smpkit/crypto'

/** A chain in DER, leaf first, and the leaf's key. */
export interface TlsCredentials {
  readonly certChain: readonly Uint8Array[]
  readonly privateKey: PrivateKey<SigningAlgorithm>
}

/** Of sockets, in each direction, in bytes: enough to write and read several blocks at once. */
export const defaultHighWaterMark = 256 * 1024

const parameters: SecureContextOptions = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_CHACHA20_POLY1305_SHA256',
  ecdhCurve: 'X448:X25519',
  sigalgs: 'ed448:ed25519',
  // Sessions are never resumed: a resumed one has no certificates.
  secureOptions: constants.SSL_OP_NO_TICKET,
  // No root certificates: chains are checked by 03 §2.1, not by OpenSSL.
  ca: [],
}

/** For `createServer` and `createSecureContext`. */
export function tlsParameters(credentials?: TlsCredentials): SecureContextOptions {
  if (!credentials) return parameters
  const cert = credentials.certChain.map((der) => toPem('CERTIFICATE', der)).join('')
  return { ...parameters, cert, key: toPem('PRIVATE KEY', credentials.privateKey.toDer()) }
}

/** RFC 7468. */
export function toPem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString('base64')
  return `-----BEGIN ${label}-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END ${label}-----\n`
}

/** The DER of each block with that label. */
export function fromPem(label: string, pem: string): Uint8Array[] {
  const blocks = pem.matchAll(new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, 'g'))
  return Array.from(blocks, ([, base64]) => new Uint8Array(Buffer.from(base64 as string, 'base64')))
}

/** What the two ends of a connection know after TLS. */
export interface TlsFacts {
  /** tls-unique: the client's Finished message, 32 bytes. */
  readonly sessionId: Uint8Array
  /** `null` where the client did not negotiate. */
  readonly alpnProtocol: string | null
  /** What the peer presented, DER, leaf first. */
  readonly peerChain: readonly Uint8Array[]
}

/** To be called once for a connection, when its TLS handshake is done: Node gives the whole chain only once. */
export function tlsFacts(socket: TLSSocket, end: 'client' | 'server'): TlsFacts {
  const finished = end === 'client' ? socket.getFinished() : socket.getPeerFinished()
  const peerChain: Uint8Array[] = []
  for (let at = socket.getPeerX509Certificate(); at; at = at.issuerCertificate) peerChain.push(new Uint8Array(at.raw))
  return { sessionId: new Uint8Array(finished ?? []), alpnProtocol: socket.alpnProtocol || null, peerChain }
}
