// Spec 03 §3.4, §3.5: the client's end of the handshake.
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
import { encode, equalBytes, type VersionRange, versionRangeToText } from '@smpkit/encoding'
import { HandshakeError } from './errors.js'
import { clientHello, readHello, type ServerHello, serverHello, serviceResponse } from './hellos.js'
import type { ServiceRole, ServiceSession } from './session.js'
import { commonVersion, has, type SmpVersion } from './versions.js'

/** A service certificate that the client presents. */
export interface ClientService {
  role: ServiceRole
  /** DER, leaf first: the chain that was presented in TLS. */
  certChain: Uint8Array[]
  /** Of the leaf; signs the session key. */
  leafPrivateKey: PrivateKey<SigningAlgorithm>
  /** Made for this session. */
  sessionPrivateKey: PrivateKey<'ed25519'>
  /** Whether TLS sent the chain: without it the hello carries no service. */
  certificateSent: boolean
}

export interface ClientHandshakeInput {
  /** tls-unique of our connection. */
  sessionId: Uint8Array
  /** The content of the server's first block. */
  serverHello: Uint8Array
  /** DER, leaf first; its checks by 03 §2.1 are done. */
  tlsPeerChain: readonly Uint8Array[]
  /** Fingerprint of the server that we mean. */
  keyHash: Uint8Array
  versionRange: VersionRange
  /** We are a proxy: blocks are not encrypted. */
  proxyServer: boolean
  /** Made for this session; `null` does without a session secret. */
  sessionPrivateKey: PrivateKey<'x25519'> | null
  service: ClientService | null
}

export interface ClientHandshake {
  /** The content of the block to send. */
  clientHello: Uint8Array
  version: SmpVersion
  /** `null` where the server sent no key that can be read. */
  serverKey: PublicKey<'x25519'> | null
  /** 32 bytes, `null` without a key of either end. */
  sessionSecret: Uint8Array | null
  /** Whether the blocks after the handshake are encrypted, with `sessionSecret`. */
  blockEncryption: boolean
  /**
   * Takes the content of the server's next block, which belongs to the handshake, where the hello carries a service.
   * @throws HandshakeError
   */
  acceptService: ((serviceResponse: Uint8Array) => ServiceSession<PrivateKey<'ed25519'>>) | null
}

/** @throws HandshakeError `PARSE`, `SESSION`, `VERSION`, `BAD_AUTH` */
export function clientHandshake(input: ClientHandshakeInput): ClientHandshake {
  const hello = readHello(serverHello, input.serverHello, 'server hello')
  if (!equalBytes(hello.sessionId, input.sessionId)) {
    throw new HandshakeError('SESSION', 'expected the session id of this TLS connection, the server sent another')
  }
  const version = commonVersion(input.versionRange, hello.versionRange)
  if (version === undefined) {
    const ranges = `we speak ${versionRangeToText(input.versionRange)}, the server ${versionRangeToText(hello.versionRange)}`
    throw new HandshakeError('VERSION', `no common SMP version: ${ranges}`)
  }
  const { serverKey, sessionSecret } = keys(hello, input)
  const service = has(version, 'serviceCertificates') && input.service?.certificateSent ? input.service : null
  return {
    clientHello: encode(clientHello, {
      version,
      keyHash: input.keyHash,
      sessionKey: input.sessionPrivateKey?.publicKey ?? null,
      proxyServer: input.proxyServer,
      service: service && {
        role: service.role,
        certChain: service.certChain,
        signedKey: signKey(service.leafPrivateKey, service.sessionPrivateKey.publicKey),
      },
    }),
    version,
    serverKey,
    sessionSecret,
    blockEncryption: sessionSecret !== null && !input.proxyServer,
    acceptService: service && ((response) => acceptService(service, response)),
  }
}

function keys(hello: ServerHello, input: ClientHandshakeInput): Pick<ClientHandshake, 'serverKey' | 'sessionSecret'> {
  if (!hello.certChain) return { serverKey: null, sessionSecret: null }
  const chain = chainShape(hello.certChain)
  if (chain.shape !== 'valid') {
    throw new HandshakeError('BAD_AUTH', `expected 2 to 4 certificates, the server sent ${hello.certChain.length}`)
  }
  if (!equalBytes(fingerprint(chain.identity), input.keyHash)) {
    throw new HandshakeError('BAD_AUTH', 'expected the identity certificate of the address, the server sent another')
  }
  const [leaf] = input.tlsPeerChain
  try {
    const leafKey = leaf && parseCertificate(leaf).publicKey
    if (!leafKey) throw new HandshakeError('BAD_AUTH', 'expected a TLS certificate with an Ed25519 or Ed448 key')
    const serverKey = verifySignedKey(leafKey, hello.signedKey)
    if (!serverKey.is('x25519')) {
      throw new HandshakeError('BAD_AUTH', `expected an X25519 session key, the server sent ${serverKey.algorithm}`)
    }
    const { sessionPrivateKey } = input
    return { serverKey, sessionSecret: sessionPrivateKey && dh(sessionPrivateKey, serverKey) }
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    const message = `expected a session key signed by the TLS certificate: ${cause.message}`
    throw new HandshakeError('BAD_AUTH', message, { cause })
  }
}

function acceptService(service: ClientService, content: Uint8Array): ServiceSession<PrivateKey<'ed25519'>> {
  const response = readHello(serviceResponse, content, 'service response')
  if (response.error) {
    const fault = response.error.code === 'HANDSHAKE' ? response.error.inner.code : response.error.code
    const code = fault === 'SESSION' || fault === 'VERSION' || fault === 'BAD_AUTH' ? fault : 'BAD_SERVICE'
    const message = `the server refused the service certificate: ${fault}`
    throw new HandshakeError(code, message, { temporary: code === 'BAD_SERVICE' })
  }
  const chain = chainShape(service.certChain)
  if (chain.shape !== 'self' && chain.shape !== 'valid') {
    throw new HandshakeError(
      'BAD_SERVICE',
      `expected 1 to 4 certificates of the service, got ${service.certChain.length}`,
    )
  }
  return {
    role: service.role,
    serviceId: response.serviceId.slice(),
    certHash: fingerprint(chain.identity),
    sessionKey: service.sessionPrivateKey,
  }
}
