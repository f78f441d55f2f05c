// Spec 20 §1, §3: the client's end of an NTF connection.
import type { VersionRange } from '@smpkit/encoding'
import type { BlockConnection } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import type { ConnectionOptions } from '@smpkit/smp-transport'
import type { HandshakeContext, HandshakeResult } from '@smpkit/smp-transport/internal'
import { connectBlocks } from '#default-connect'
import { ntfPortOf } from './address.js'
import { clientHandshake } from './client-handshake.js'
import type { NtfClientEnd } from './session.js'
import { ntfBlockSize, ntfVersions } from './versions.js'

export const alpnProtocol = 'ntf/1'

export interface NtfConnectOptions extends ConnectionOptions {
  /** Default: all that we speak. */
  versionRange?: VersionRange
  /** `false`: without ALPN, as old clients; a server speaks version 1 with them. Default: `ntf/1`. */
  alpn?: boolean
}

/**
 * Connects, checks that the server is the one of the address, and agrees on a version and on its key.
 * @throws SmpTransportError, with the HandshakeError as `cause` where the handshake failed
 * @throws AddressError if the port of the address is none
 */
export async function connectNtf(
  server: ServerAddress,
  options: NtfConnectOptions = {},
): Promise<BlockConnection<NtfClientEnd>> {
  const { versionRange = ntfVersions, alpn = true } = options
  return connectBlocks({
    ...options,
    hosts: server.hosts,
    port: ntfPortOf(server),
    keyHash: server.keyHash,
    blockSize: ntfBlockSize,
    alpnProtocols: alpn ? [alpnProtocol] : [],
    handshake: (context) => handshake(context, server.keyHash, versionRange),
  })
}

async function handshake(
  { sessionId, peerChain, receive, send }: HandshakeContext,
  keyHash: Uint8Array,
  versionRange: VersionRange,
): Promise<HandshakeResult<NtfClientEnd>> {
  const serverHello = await receive()
  const { clientHello, session } = clientHandshake({
    sessionId,
    serverHello,
    tlsPeerChain: peerChain,
    keyHash,
    versionRange,
  })
  await send(clientHello)
  return { session }
}
