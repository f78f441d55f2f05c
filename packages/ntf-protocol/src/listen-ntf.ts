// Spec 20 §1, §3: the server's end of NTF connections.
import { PrivateKey } from '@smpkit/crypto'
import type { VersionRange } from '@smpkit/encoding'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import type { BlockServer, ListeningOptions, ServerIdentity } from '@smpkit/smp-transport'
import { addressAt, type HandshakeContext, type HandshakeResult, listenBlocks } from '@smpkit/smp-transport/internal'
import { alpnProtocol } from './connect-ntf.js'
import { serverHandshake } from './server-handshake.js'
import type { NtfServerEnd } from './session.js'
import { ntfBlockSize, ntfVersions } from './versions.js'

/** What a server accepts: some clients call it so where a network lets only the web through. */
const acceptedAlpnProtocols = [alpnProtocol, 'h2', 'http/1.1']

export interface NtfListenOptions extends ListeningOptions<NtfServerEnd> {
  identity: ServerIdentity
  /** Default: all that we speak. Clients without ALPN are offered version 1 alone. */
  versionRange?: VersionRange
}

export interface NtfServerSocket extends BlockServer {
  /** An address that leads here. `host`: an IP address or a domain, default 127.0.0.1. */
  address(host?: string): ServerAddress
}

/** Listens for NTF clients. @throws SmpTransportError `NETWORK`, `CERTIFICATE` */
export async function listenNtf(options: NtfListenOptions): Promise<NtfServerSocket> {
  const { identity, versionRange = ntfVersions } = options
  const server = await listenBlocks({
    ...options,
    credentials: identity,
    blockSize: ntfBlockSize,
    alpnProtocols: acceptedAlpnProtocols,
    requestCertificate: false,
    handshake: (context) => handshake(context, identity, versionRange),
  })
  return { ...server, address: (host) => addressAt(server, identity, host) }
}

async function handshake(
  { alpnProtocol: alpn, sessionId, send, receive }: HandshakeContext,
  identity: ServerIdentity,
  versionRange: VersionRange,
): Promise<HandshakeResult<NtfServerEnd>> {
  const { serverHello, accept } = serverHandshake({
    alpn: alpn !== null,
    sessionId,
    leafPrivateKey: identity.privateKey,
    sessionPrivateKey: PrivateKey.generate('x25519'),
    keyHash: identity.fingerprint,
    versionRange,
  })
  await send(serverHello)
  return { session: accept(await receive()) }
}
