// Spec 20 §2, §3: the client's end of the handshake.
import { CryptoError, type PublicKey, parseCertificate, verifySignedKey } from '@smpkit/crypto'
import { encode, equalBytes, intersect, type VersionRange, versionRangeToText } from '@smpkit/encoding'
import { HandshakeError } from '@smpkit/smp-commands'
import { readHello } from '@smpkit/smp-commands/internal'
import { ntfClientHello, ntfServerHello } from './hellos.js'
import type { NtfClientEnd } from './session.js'
import { commonNtfVersion, has, ntfVersions } from './versions.js'

export interface NtfClientHandshakeInput {
  /** tls-unique of our connection. */
  sessionId: Uint8Array
  /** The content of the server's block. */
  serverHello: Uint8Array
  /** DER, leaf first; its checks by 03 §2.1 are done. */
  tlsPeerChain: readonly Uint8Array[]
  /** Fingerprint of the server that we mean. */
  keyHash: Uint8Array
  /** What is beyond `ntfVersions` is not used. */
  versionRange: VersionRange
}

export interface NtfClientHandshake {
  /** The content of the block to send. */
  clientHello: Uint8Array
  session: NtfClientEnd
}

/** @throws HandshakeError `PARSE`, `SESSION`, `VERSION`, `BAD_AUTH` */
export function clientHandshake(input: NtfClientHandshakeInput): NtfClientHandshake {
  const { sessionId, keyHash } = input
  const hello = readHello(ntfServerHello, input.serverHello, 'server hello')
  if (!equalBytes(hello.sessionId, sessionId)) {
    throw new HandshakeError('SESSION', 'expected the session id of this TLS connection, the server sent another')
  }
  const spoken = intersect(input.versionRange, ntfVersions)
  const version = spoken && commonNtfVersion(spoken, hello.versionRange)
  if (version === undefined) {
    const ranges = `we speak ${versionRangeToText(input.versionRange)}, the server ${versionRangeToText(hello.versionRange)}`
    throw new HandshakeError('VERSION', `no common NTF version: ${ranges}`)
  }
  // Checked also where the session does not need it: a server whose key is not its own is none to talk to.
  const serverKey = hello.signedKey && signedServerKey(hello.signedKey, input.tlsPeerChain)
  return {
    clientHello: encode(ntfClientHello, { version, keyHash }),
    session: { version, sessionId, serverKey: has(version, 'sessionKey') ? serverKey : null },
  }
}

/** @throws HandshakeError `BAD_AUTH` */
function signedServerKey(signedKey: Uint8Array, [leaf]: readonly Uint8Array[]): PublicKey<'x25519'> {
  try {
    const leafKey = leaf && parseCertificate(leaf).publicKey
    if (!leafKey) throw new HandshakeError('BAD_AUTH', 'expected a TLS certificate with an Ed25519 or Ed448 key')
    return verifyServerKey(leafKey, signedKey)
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    const message = `expected a session key signed by the TLS certificate: ${cause.message}`
    throw new HandshakeError('BAD_AUTH', message, { cause })
  }
}

/** @throws CertificateError, HandshakeError `BAD_AUTH` */
export function verifyServerKey(
  leafKey: Parameters<typeof verifySignedKey>[0],
  signedKey: Uint8Array,
): PublicKey<'x25519'> {
  const key = verifySignedKey(leafKey, signedKey)
  if (key.is('x25519')) return key
  throw new HandshakeError('BAD_AUTH', `expected an X25519 session key, the server sent ${key.algorithm}`)
}
