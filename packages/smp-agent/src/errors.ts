// Spec 11 §11.8: what this package refuses. Messages never hold a key, an id or a body.
import { CryptoError } from '@smpkit/crypto'
import { DecodeError } from '@smpkit/encoding'

/** The base of the errors of this package. */
export abstract class AgentError extends Error {
  abstract override readonly name: string
  abstract readonly code: string
  /** Whether the same call may succeed later. */
  readonly temporary: boolean = false
}

/** What a peer sent, or what stands behind a link, cannot be accepted (11 §11.8, `AGENT`). */
export class PeerError extends AgentError {
  override readonly name = 'PeerError'

  constructor(
    /**
     * `A_MESSAGE`: it cannot be read. `A_PROHIBITED`: it may not come here or now. `A_VERSION`: of a version that we do not
     * speak. `A_LINK`: link data that is not what the link promises. `A_CRYPTO`: it cannot be decrypted. `A_DUPLICATE`: it was
     * decrypted before. `A_QUEUE`: about a queue that the connection does not have.
     */
    readonly code: 'A_MESSAGE' | 'A_PROHIBITED' | 'A_VERSION' | 'A_LINK' | 'A_CRYPTO' | 'A_DUPLICATE' | 'A_QUEUE',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** A text that is no link that we can use (12); the message says what to do about it. */
export class LinkError extends AgentError {
  override readonly name = 'LinkError'

  constructor(
    /**
     * `LENGTH`: longer than any link. `SYNTAX`: cut, mistyped or no link at all. `TYPE`: a link of another type than is asked
     * for. `VERSION`: for versions that we do not speak. `SERVER`: it names only the host of a server that is no preset. `GONE`: what
     * was behind it is there no more, or is an invitation that somebody else has used.
     */
    readonly code: 'LENGTH' | 'SYNTAX' | 'TYPE' | 'VERSION' | 'SERVER' | 'GONE',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** What the caller asks for cannot be done (11 §11.8, `CMD`). */
export class RequestError extends AgentError {
  override readonly name = 'RequestError'
  override readonly temporary: boolean

  constructor(
    /**
     * `LARGE`: more bytes than a message or a confirmation can hold. `NOT_FOUND`: no such connection, request or message.
     * `PROHIBITED`: not for this connection or store, or not now. `SYNCHRONIZATION`: the ratchets have to be synchronized first (temporary). `NO_SERVER`: no
     * server was given on which queues can be made. `CLOSED`: the agent was closed. `INVALID`: an argument of another type.
     */
    readonly code: 'LARGE' | 'NOT_FOUND' | 'PROHIBITED' | 'SYNCHRONIZATION' | 'NO_SERVER' | 'CLOSED' | 'INVALID',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.temporary = code === 'SYNCHRONIZATION'
  }
}

/**
 * What `read` makes of a peer's bytes: what cannot be read becomes `A_MESSAGE`, what does not decrypt `A_CRYPTO`.
 * @throws PeerError
 */
export function fromPeer<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof DecodeError) throw new PeerError('A_MESSAGE', `expected ${name}: ${cause.message}`, { cause })
    if (cause instanceof CryptoError) throw new PeerError('A_CRYPTO', `expected ${name}: ${cause.message}`, { cause })
    throw cause
  }
}
