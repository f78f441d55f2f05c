// Spec 20 §3: what the two ends of a connection know of each other after the handshake.
import type { PrivateKey, PublicKey } from '@smpkit/crypto'
import type { NtfVersion } from './versions.js'

/** Common to both ends. */
export interface NtfSession {
  readonly version: NtfVersion
  /** tls-unique of the connection: 32 bytes with TLS 1.3. */
  readonly sessionId: Uint8Array
}

/** The client's end. */
export interface NtfClientEnd extends NtfSession {
  /** The server's key for this session, for authenticators of X25519 keys; `null` in version 1, which has none. */
  readonly serverKey: PublicKey<'x25519'> | null
}

/** The server's end. */
export interface NtfServerEnd extends NtfSession {
  /** The private counterpart of the client's `serverKey`; in version 1 the client does not know it. */
  readonly sessionKey: PrivateKey<'x25519'>
}
