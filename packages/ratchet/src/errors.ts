// Spec 10.8: what the ratchet refuses. The agent's reaction to each stands there, too.

export type RatchetErrorCode =
  /** A message or its decrypted header cannot be read, or carries a key that gives no secret. */
  | 'A_MESSAGE'
  /** The message was decrypted before; it is the last of its chain. */
  | 'A_DUPLICATE'
  /** The header is of no key that is known here: the ratchets have diverged, or the message is of a key used up. */
  | 'RATCHET_HEADER'
  /** The message is earlier than the last one by `count`, and its key is not kept any more. */
  | 'RATCHET_EARLIER'
  /** The message would skip more than 512 others: `count`. */
  | 'RATCHET_SKIPPED'
  /** The body is not encrypted with the key that its header names. */
  | 'DECRYPT_AES'
  /** The body was decrypted, but its padding is none. */
  | 'PADDING'
  /** The peer used a KEM key that we never offered. */
  | 'KEM_STATE'
  /** There is nothing to send with before the first message was received. */
  | 'RATCHET_STATE'
  /** The body does not fit the padded length. */
  | 'LARGE'
  /** The peer's parameters are of a version that is not ours. */
  | 'VERSION'

/** What this package throws, beside `KemError` of the KEM and DecodeError and EncodeError of codecs. Never holds bytes. */
export class RatchetError extends Error {
  override readonly name = 'RatchetError'
  readonly temporary = false
  /** Messages between this one and the expected one; only of `RATCHET_EARLIER` and `RATCHET_SKIPPED`. */
  readonly count: number | undefined

  constructor(
    readonly code: RatchetErrorCode,
    message: string,
    options: { count?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.count = options.count
  }
}
