// Spec 20 §2, §3: the server's end of the handshake.
import { type PrivateKey, type SigningAlgorithm, signKey } from '@smpkit/crypto'
import { encode, equalBytes, includes, type VersionRange, versionRangeToText } from '@smpkit/encoding'
import { HandshakeError } from '@smpkit/smp-commands'
import { readHello } from '@smpkit/smp-commands/internal'
import { ntfClientHello, ntfServerHello } from './hellos.js'
import type { NtfServerEnd } from './session.js'
import { type NtfVersion, ntfVersions } from './versions.js'

export interface NtfServerHandshakeInput {
  /** Whether ALPN chose a protocol, whichever. A client without it is offered version 1 alone, and no key. */
  alpn: boolean
  /** tls-unique of the connection. */
  sessionId: Uint8Array
  /** Of the TLS leaf; signs the session key. */
  leafPrivateKey: PrivateKey<SigningAlgorithm>
  /** Made for this session. */
  sessionPrivateKey: PrivateKey<'x25519'>
  /** Our fingerprint. */
  keyHash: Uint8Array
  /** Inside `ntfVersions`; without ALPN it does not count. */
  versionRange: VersionRange
}

export interface NtfServerHandshake {
  /** The content of our block. */
  serverHello: Uint8Array
  /**
   * Takes the content of the client's block.
   * @throws HandshakeError `PARSE`, `IDENTITY`, `VERSION`, after which nothing is sent any more
   */
  accept(clientHello: Uint8Array): NtfServerEnd
}

const withoutAlpn: VersionRange = { min: ntfVersions.min, max: ntfVersions.min }

export function serverHandshake(input: NtfServerHandshakeInput): NtfServerHandshake {
  const { alpn, sessionId, leafPrivateKey, sessionPrivateKey } = input
  const versionRange = alpn ? input.versionRange : withoutAlpn
  const signedKey = alpn ? signKey(leafPrivateKey, sessionPrivateKey.publicKey) : null
  return {
    serverHello: encode(ntfServerHello, { versionRange, sessionId, signedKey }),
    accept(content) {
      const { keyHash, version } = readHello(ntfClientHello, content, 'client hello')
      if (!equalBytes(keyHash, input.keyHash)) {
        throw new HandshakeError('IDENTITY', 'expected our fingerprint, the client means another server')
      }
      if (!includes(versionRange, version)) {
        const message = `no common NTF version: we offered ${versionRangeToText(versionRange)}, the client chose ${version}`
        throw new HandshakeError('VERSION', message)
      }
      return { version: version as NtfVersion, sessionId, sessionKey: sessionPrivateKey }
    },
  }
}
