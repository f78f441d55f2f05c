// Spec 03 §3: what the two ends of a connection know of each other after the handshake.
import type { PrivateKey, PublicKey } from '@smpkit/crypto'
import type { SmpVersion } from './versions.js'

/** What a client that presented a service certificate does: `M`, `N` and `P` in the hello. */
export type ServiceRole = 'messaging' | 'notifier' | 'proxy'

/** Common to both ends. */
export interface SmpSession {
  readonly version: SmpVersion
  /** tls-unique of the connection: 32 bytes with TLS 1.3. */
  readonly sessionId: Uint8Array
}

/** A service certificate that the server accepted. */
export interface ServiceSession<K> {
  readonly role: ServiceRole
  /** 24 bytes, given by the server, the same for every session of the certificate. */
  readonly serviceId: Uint8Array
  /** SHA-256 of the service's identity certificate, 32 bytes. */
  readonly certHash: Uint8Array
  /** Signs `NEW`, `SUB`, `NSUB` a second time, and `SUBS`, `NSUBS`; made for this session. */
  readonly sessionKey: K
}

/** The client's end. */
export interface ClientSession extends SmpSession {
  /** The server's key for this session: authenticators of X25519 queue keys, and the layer between proxy and relay. */
  readonly serverKey: PublicKey<'x25519'>
  /** The shared secret with it, 32 bytes. */
  readonly sessionSecret: Uint8Array
  readonly service: ServiceSession<PrivateKey<'ed25519'>> | null
}

/** The server's end. */
export interface ServerSession extends SmpSession {
  /** The private counterpart of the client's `serverKey`. */
  readonly sessionKey: PrivateKey<'x25519'>
  /** `null` where the client sent no session key: it cannot be a proxy then. */
  readonly sessionSecret: Uint8Array | null
  /** The client is a proxy: blocks are not encrypted. */
  readonly proxyServer: boolean
  readonly service: ServiceSession<PublicKey<'ed25519'>> | null
}

/** Hides the secret from whoever prints the session. Copies of the object do not have it. */
export function withHiddenSecret<S extends { readonly sessionSecret: Uint8Array | null }>(session: S): S {
  return Object.defineProperty(session, 'sessionSecret', { enumerable: false })
}

/**
 * One connection that exchanges the contents of blocks, made by a transport. Iterate it once: each block that arrives is
 * one array, owned by the receiver. A block that cannot be decrypted or unpadded arrives as an empty array, which no
 * batch is (04 §2). Iteration ends when the connection ends, whatever the reason; `closed` tells it.
 */
export interface BlockConnection<S> extends AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly session: S
  /**
   * Sends one block. Settles when the socket has room again: await it before the next one, or be bounded by its buffer.
   * The content is not touched after the call returned its promise.
   * @throws the transport's error when the content is too large (`LARGE_MSG`) or the connection has ended
   */
  send(content: Uint8Array): Promise<void>
  /** Sends what was accepted and ends the connection. */
  close(): Promise<void>
  /** Settles at the end of the connection: `undefined` after our `close` or an orderly end by the peer, else the error. */
  readonly closed: Promise<Error | undefined>
}
