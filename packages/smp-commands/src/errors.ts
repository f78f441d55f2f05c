// What is wrong with bytes that a peer sent, or with a handshake. What a server answers is in error-type.ts.

/** The base of the errors that this package throws, except for the encodings' own. */
export abstract class SmpCommandsError extends Error {
  abstract override readonly name: string
  abstract readonly code: string
  readonly temporary: boolean = false
}

/** A command, a message, a transmission or a block that cannot be read (04 §2, §9.3). */
export class ParseError extends SmpCommandsError {
  override readonly name = 'ParseError'

  constructor(
    /** `BLOCK`: the block or the transmission is malformed. `UNKNOWN`: no such tag. `SYNTAX`: the parameters are malformed. */
    readonly code: 'BLOCK' | 'UNKNOWN' | 'SYNTAX',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** A text that is no address (01 §3, §4). */
export class AddressError extends SmpCommandsError {
  override readonly name = 'AddressError'
  readonly code = 'ADDRESS'
}

/** The handshake failed on our side (03 §3.4), or the server refused our service certificate (03 §3.3). */
export class HandshakeError extends SmpCommandsError {
  override readonly name = 'HandshakeError'
  /** Only where a server refused the service: it may accept it later, what it knows of the service is kept (06 §2). */
  override readonly temporary: boolean

  constructor(
    /**
     * `SESSION`: the session id is not that of the TLS connection. `VERSION`: no common version. `PARSE`: a malformed
     * hello. `IDENTITY`: the client meant another server. `BAD_AUTH`: a key is not signed by the certificate that it
     * should be signed by. `BAD_SERVICE`: the service certificate is not acceptable.
     */
    readonly code: 'SESSION' | 'VERSION' | 'PARSE' | 'IDENTITY' | 'BAD_AUTH' | 'BAD_SERVICE',
    message: string,
    { temporary = false, ...options }: ErrorOptions & { temporary?: boolean } = {},
  ) {
    super(message, options)
    this.temporary = temporary
  }
}
