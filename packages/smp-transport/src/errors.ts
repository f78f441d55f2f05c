// Spec 03 §2, §4: what can go wrong with a connection.

/** Whether trying again later can help. */
const temporary = {
  /** The network's own error, in `cause`: refused, reset, unreachable, a name that does not resolve. */
  NETWORK: true,
  /** Something took longer than its time-out: connecting, the handshake, a write, or an idle connection. */
  TIMEOUT: true,
  /** The TLS handshake failed: something in between, or a server of other parameters than 03 §2. */
  TLS: true,
  /** The server is not the one of the address: its fingerprint is another. */
  IDENTITY: false,
  /** The server's or the client's certificates are not acceptable; `cause` says why. */
  CERTIFICATE: false,
  /** The handshake failed; `cause` says why, mostly a `HandshakeError`. */
  HANDSHAKE: false,
  /** The connection has ended, or ended in the middle of a block. */
  CLOSED: true,
  /** A content that does not fit a block. */
  LARGE_MSG: false,
  /** One of our own limits: blocks that wait to be written because `send` is not awaited, or a server's connections. */
  LIMIT: true,
  /** `allowAddress` refused it, or could not be asked. */
  REFUSED_ADDRESS: false,
  /** The address has only hosts that cannot be reached this way: `.onion` without a proxy, none with one that requires it. */
  HOST: false,
  /** The SOCKS proxy cannot be reached, ends the connection, or is none. Not temporary where what we know of it is unusable. */
  PROXY: true,
  /** The SOCKS proxy does not accept our authentication, or does not connect to such a host. */
  PROXY_REFUSED: false,
  /** The caller's `signal`; `cause` is its reason. */
  ABORTED: false,
} as const

export type SmpTransportErrorCode = keyof typeof temporary

/** The error of this package. */
export class SmpTransportError extends Error {
  override readonly name = 'SmpTransportError'
  readonly temporary: boolean
  /** One error for each address that was tried, where several were. */
  readonly errors: readonly SmpTransportError[]

  constructor(
    readonly code: SmpTransportErrorCode,
    message: string,
    options: { cause?: unknown; temporary?: boolean; errors?: readonly SmpTransportError[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.temporary = options.temporary ?? temporary[code]
    this.errors = options.errors ?? []
  }
}

/** What a socket reports, as ours. */
export function socketError(cause: Error & { code?: string; reason?: string }): SmpTransportError {
  if (cause instanceof SmpTransportError) return cause
  const isTls = cause.code === 'EPROTO' || /^ERR_(SSL|TLS|OSSL)_/.test(cause.code ?? '')
  if (isTls) return new SmpTransportError('TLS', `TLS failed: ${cause.reason ?? cause.code}`, { cause })
  return new SmpTransportError('NETWORK', cause.message, { cause })
}
