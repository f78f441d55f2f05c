// Spec 03 §3.4, §3.5: the server's end of the handshake.
import {
  CryptoError,
  chainShape,
  dh,
  fingerprint,
  type PrivateKey,
  type PublicKey,
  parseCertificate,
  type SigningAlgorithm,
  signKey,
  verifySignedKey,
} from '@smpkit/crypto'
import { encode, equalBytes, includes, type VersionRange, versionRangeToText } from '@smpkit/encoding'
import { HandshakeError } from './errors.js'
import { clientHello, readHello, type ServiceHello, serverHello, serviceResponse } from './hellos.js'
import { type ServerSession, type ServiceRole, type ServiceSession, withHiddenSecret } from './session.js'
import { type SmpVersion, smpVersions } from './versions.js'

export interface ServerHandshakeInput {
  /** Whether ALPN chose a protocol. A client without it is offered version 6 alone, which we do not speak. */
  alpn: boolean
  /** tls-unique of the connection. */
  sessionId: Uint8Array
  /** DER, leaf first: the chain that TLS presents. */
  certChain: Uint8Array[]
  /** Of the leaf; signs the session key. */
  leafPrivateKey: PrivateKey<SigningAlgorithm>
  /** Made for this session. */
  sessionPrivateKey: PrivateKey<'x25519'>
  /** Our fingerprint. */
  keyHash: Uint8Array
  versionRange: VersionRange
  /** DER, leaf first, empty where the client presented nothing; its checks by 03 §2.1 are done. */
  tlsClientChain: readonly Uint8Array[]
  /** The id of a service, 24 bytes, the same for each session of a certificate; `null` refuses with `BAD_SERVICE`. */
  serviceId: (service: { role: ServiceRole; certHash: Uint8Array }) => Uint8Array | null
}

export interface ServerHandshake {
  /** The content of our first block. */
  serverHello: Uint8Array
  /** Takes the content of the client's first block. @throws HandshakeError after which nothing is sent any more */
  accept(clientHello: Uint8Array): ServerHandshakeResult
}

export type ServerHandshakeResult =
  | {
      session: ServerSession
      /** What we offered, up to the version of the session. */
      versionRange: VersionRange
      /** Whether the blocks after the handshake are encrypted, with the session's secret. */
      blockEncryption: boolean
      /** The content of one more block of the handshake. */
      serviceResponse: Uint8Array | null
      error: null
    }
  /** The service is refused: the connection ends when the response is sent. */
  | { serviceResponse: Uint8Array; error: HandshakeError }

const withoutAlpn = { min: 6, max: 6 }

export function serverHandshake(input: ServerHandshakeInput): ServerHandshake {
  const { sessionId, certChain, leafPrivateKey, sessionPrivateKey } = input
  const offered = input.alpn ? input.versionRange : withoutAlpn
  const key = input.alpn
    ? { certChain, signedKey: signKey(leafPrivateKey, sessionPrivateKey.publicKey) }
    : { certChain: null, signedKey: null }
  return {
    serverHello: encode(serverHello, { versionRange: offered, sessionId, ...key }),
    accept: (content) => accept(input, offered, content),
  }
}

function accept(input: ServerHandshakeInput, offered: VersionRange, content: Uint8Array): ServerHandshakeResult {
  const hello = readHello(clientHello, content, 'client hello')
  if (!equalBytes(hello.keyHash, input.keyHash)) {
    throw new HandshakeError('IDENTITY', 'expected our fingerprint, the client means another server')
  }
  if (!includes(offered, hello.version) || hello.version < smpVersions.min) {
    const message = `no common SMP version: we offered ${versionRangeToText(offered)}, the client chose ${hello.version}`
    throw new HandshakeError('VERSION', message)
  }
  let service: ServiceSession<PublicKey<'ed25519'>> | null
  try {
    service = hello.service && checkService(hello.service, input)
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error
    const code = error.code === 'BAD_SERVICE' ? error.code : 'BAD_AUTH'
    const response = { serviceId: null, error: { code: 'HANDSHAKE', inner: { code } } } as const
    return { serviceResponse: encode(serviceResponse, response), error }
  }
  const sessionSecret = hello.sessionKey && secret(input.sessionPrivateKey, hello.sessionKey)
  return {
    session: withHiddenSecret({
      version: hello.version as SmpVersion,
      sessionId: input.sessionId,
      sessionKey: input.sessionPrivateKey,
      sessionSecret,
      proxyServer: hello.proxyServer,
      service,
    }),
    versionRange: { min: offered.min, max: hello.version },
    blockEncryption: sessionSecret !== null && !hello.proxyServer,
    serviceResponse: service && encode(serviceResponse, { serviceId: service.serviceId, error: null }),
    error: null,
  }
}

function secret(privateKey: PrivateKey<'x25519'>, clientKey: PublicKey<'x25519'>): Uint8Array {
  try {
    return dh(privateKey, clientKey)
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    throw new HandshakeError('BAD_AUTH', `expected a usable session key of the client: ${cause.message}`, { cause })
  }
}

function checkService(service: ServiceHello, input: ServerHandshakeInput): ServiceSession<PublicKey<'ed25519'>> {
  const { certChain, role } = service
  const tlsChain = input.tlsClientChain
  if (
    certChain.length !== tlsChain.length ||
    !certChain.every((der, i) => equalBytes(der, tlsChain[i] as Uint8Array))
  ) {
    throw new HandshakeError('BAD_AUTH', 'expected the certificates of TLS in the hello, the client sent others')
  }
  const chain = chainShape(certChain)
  if (chain.shape !== 'self' && chain.shape !== 'valid') {
    throw new HandshakeError('BAD_AUTH', `expected 1 to 4 certificates, the client sent ${certChain.length}`)
  }
  const sessionKey = serviceSessionKey(chain.leaf, service.signedKey)
  const certHash = fingerprint(chain.identity)
  const serviceId = input.serviceId({ role, certHash })
  if (!serviceId) throw new HandshakeError('BAD_SERVICE', `this service certificate may not be used as ${role}`)
  return { role, serviceId, certHash, sessionKey }
}

function serviceSessionKey(leaf: Uint8Array, signedKey: Uint8Array): PublicKey<'ed25519'> {
  try {
    const leafKey = parseCertificate(leaf).publicKey
    if (!leafKey) throw new HandshakeError('BAD_AUTH', 'expected a service certificate with an Ed25519 or Ed448 key')
    const key = verifySignedKey(leafKey, signedKey)
    if (key.is('ed25519')) return key
    throw new HandshakeError('BAD_AUTH', `expected an Ed25519 session key of the service, got ${key.algorithm}`)
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    const message = `expected a session key signed by the service certificate: ${cause.message}`
    throw new HandshakeError('BAD_AUTH', message, { cause })
  }
}
