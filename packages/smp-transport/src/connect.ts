// Spec 03 §3, 06 §2: the client's end of an SMP connection.
import { blockChains, PrivateKey } from '@smpkit/crypto'
import type { VersionRange } from '@smpkit/encoding'
import {
  type BlockConnection,
  type ClientSession,
  HandshakeError,
  type ServiceRole,
  smpVersions,
} from '@smpkit/smp-commands'
import { portOf, type ServerAddress } from '@smpkit/smp-commands/address'
import { clientHandshake, withHiddenSecret } from '@smpkit/smp-commands/internal'
import { type ConnectionOptions, connectBlocks } from './connect-blocks.js'
import { SmpTransportError } from './errors.js'
import type { HandshakeContext, HandshakeResult } from './handshake.js'
import { alpnProtocol, blockSize } from './smp.js'
import type { TlsCredentials } from './tls-options.js'

/** A service certificate and what it is presented for. */
export interface ServiceCredentials extends TlsCredentials {
  readonly role: ServiceRole
}

export interface ConnectOptions extends ConnectionOptions {
  /** Default: all that we speak. */
  versionRange?: VersionRange
  /** We are a proxy: blocks are not encrypted. */
  proxyServer?: boolean
  /** Presented in TLS and in the hello, from version 16. */
  service?: ServiceCredentials | null | undefined
}

/**
 * Connects, checks that the server is the one of the address, and agrees on a version and on keys.
 * @throws SmpTransportError, with the HandshakeError as `cause` where the handshake failed
 * @throws AddressError if the port of the address is none
 */
export async function connectSmp(
  server: ServerAddress,
  options: ConnectOptions = {},
): Promise<BlockConnection<ClientSession>> {
  return connectBlocks({
    ...options,
    hosts: server.hosts,
    port: portOf(server),
    keyHash: server.keyHash,
    blockSize,
    alpnProtocols: [alpnProtocol],
    credentials: options.service ?? undefined,
    handshake: (context) => handshake(context, server.keyHash, options),
  })
}

async function handshake(
  context: HandshakeContext,
  keyHash: Uint8Array,
  options: ConnectOptions,
): Promise<HandshakeResult<ClientSession>> {
  const { sessionId, peerChain } = context
  const { versionRange = smpVersions, proxyServer = false, service } = options
  const result = clientHandshake({
    sessionId,
    serverHello: await context.receive(),
    tlsPeerChain: peerChain,
    keyHash,
    versionRange,
    proxyServer,
    sessionPrivateKey: PrivateKey.generate('x25519'),
    service: service
      ? {
          role: service.role,
          certChain: [...service.certChain],
          leafPrivateKey: service.privateKey,
          sessionPrivateKey: PrivateKey.generate('ed25519'),
          certificateSent: true,
        }
      : null,
  })
  const { version, serverKey, sessionSecret } = result
  if (!serverKey || !sessionSecret) {
    throw new HandshakeError('BAD_AUTH', 'expected a session key of the server, it sent none')
  }
  await context.send(result.clientHello)
  const session = withHiddenSecret<ClientSession>({
    version,
    sessionId,
    serverKey,
    sessionSecret,
    service: result.acceptService && acceptService(result.acceptService, await context.receive()),
  })
  if (!result.blockEncryption) return { session }
  const { clientToServer, serverToClient } = blockChains(sessionId, sessionSecret)
  return { session, chains: { send: clientToServer, receive: serverToClient } }
}

/** A refused service is no reason to give up: the server may know it again later (06 §2). */
function acceptService<T>(accept: (response: Uint8Array) => T, response: Uint8Array): T {
  try {
    return accept(response)
  } catch (cause) {
    if (!(cause instanceof HandshakeError) || cause.code !== 'BAD_SERVICE') throw cause
    throw new SmpTransportError('HANDSHAKE', cause.message, { cause, temporary: true })
  }
}
