// Spec 11 §11.8: what this package refuses. Messages never hold a key, an id or a body.

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
     * for. `VERSION`: for versions that we do not speak. `SERVER`: it names only the host of a server that is no preset.
     */
    readonly code: 'LENGTH' | 'SYNTAX' | 'TYPE' | 'VERSION' | 'SERVER',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** What the caller asks for cannot be done (11 §11.8, `CMD`). */
export class RequestError extends AgentError {
  override readonly name = 'RequestError'

  constructor(
    /** `LARGE`: more bytes than a message or a confirmation can hold. */
    readonly code: 'LARGE',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
