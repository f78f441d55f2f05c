// Spec 03 §3: the server's end of SMP connections.
import { isIP } from 'node:net'
import { blockChains, PrivateKey } from '@smpkit/crypto'
import type { VersionRange } from '@smpkit/encoding'
import { type ServerSession, type ServiceRole, smpVersions } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { serverHandshake } from '@smpkit/smp-commands/internal'
import type { HandshakeContext, HandshakeResult } from './handshake.js'
import type { ServerIdentity } from './identity.js'
import { type BlockServer, type ListeningOptions, listenBlocks } from './listen-blocks.js'
import { acceptedAlpnProtocols, blockSize } from './smp.js'

export interface ListenOptions extends ListeningOptions<ServerSession> {
  identity: ServerIdentity
  /** Default: all that we speak. */
  versionRange?: VersionRange
  /** The id of a service, 24 bytes, the same for each session of a certificate; `null` refuses it. Default: refuses all. */
  serviceId?: (service: { role: ServiceRole; certHash: Uint8Array }) => Uint8Array | null
}

export interface SmpServerSocket extends BlockServer {
  /** An address that leads here. `host`: an IP address or a domain, default 127.0.0.1. */
  address(host?: string): ServerAddress
}

/** Listens for SMP clients. @throws SmpTransportError `NETWORK`, `CERTIFICATE` */
export async function listenSmp(options: ListenOptions): Promise<SmpServerSocket> {
  const { identity } = options
  const server = await listenBlocks({
    ...options,
    credentials: identity,
    blockSize,
    alpnProtocols: acceptedAlpnProtocols,
    handshake: (context) => handshake(context, options),
  })
  return { ...server, address: (host) => addressAt(server, identity, host) }
}

/** The address of a server on this machine, or of one that is reached as `host`. */
export function addressAt(server: BlockServer, identity: ServerIdentity, host = '127.0.0.1'): ServerAddress {
  return {
    hosts: [{ type: hostType(host), text: host }],
    port: String(server.port),
    keyHash: identity.fingerprint,
  }
}

function hostType(host: string): ServerAddress['hosts'][number]['type'] {
  const version = isIP(host)
  if (version !== 0) return version === 4 ? 'ipv4' : 'ipv6'
  return host.endsWith('.onion') ? 'onion' : 'domain'
}

async function handshake(context: HandshakeContext, options: ListenOptions): Promise<HandshakeResult<ServerSession>> {
  const { identity, versionRange = smpVersions, serviceId = () => null } = options
  const { serverHello, accept } = serverHandshake({
    alpn: context.alpnProtocol !== null,
    sessionId: context.sessionId,
    certChain: [...identity.certChain],
    leafPrivateKey: identity.privateKey,
    sessionPrivateKey: PrivateKey.generate('x25519'),
    keyHash: identity.fingerprint,
    versionRange,
    tlsClientChain: context.peerChain,
    serviceId,
  })
  await context.send(serverHello)
  const result = accept(await context.receive())
  if (result.serviceResponse) await context.send(result.serviceResponse)
  if (result.error) throw result.error
  const { session, blockEncryption } = result
  if (!blockEncryption || !session.sessionSecret) return { session }
  const { clientToServer, serverToClient } = blockChains(session.sessionId, session.sessionSecret)
  return { session, chains: { send: serverToClient, receive: clientToServer } }
}
