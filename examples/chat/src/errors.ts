// Spec 31: why a body, or a part of it, is no chat message.

/**
 * `BINARY`: the first byte announces nothing that we know. `JSON`: no UTF-8, or no JSON. `DEPTH`: nested too deeply.
 * `MANY`: more messages in one body than we take. `COMPRESSED`: cannot be expanded, or not within the limits.
 * `EVENT`: an unknown event. `INVALID`: a property is missing or of the wrong type. `LARGE`: ours does not fit.
 */
export type ChatErrorCode = 'BINARY' | 'JSON' | 'DEPTH' | 'MANY' | 'COMPRESSED' | 'EVENT' | 'INVALID' | 'LARGE'

/** Thrown for what we want to write; for what a peer wrote it is a value. Never carries text of a message. */
export class ChatError extends Error {
  override readonly name = 'ChatError'
  readonly temporary = false

  constructor(
    readonly code: ChatErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
