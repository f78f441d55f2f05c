// Spec 01: what a reader or a writer refuses.

/** The bytes or the text of a peer do not follow the encoding. Never carries the bytes themselves. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  readonly temporary = false

  constructor(
    /** `truncated`: more bytes were announced than are there. `trailing`: bytes are left over. `invalid`: a value that the type does not have. */
    readonly code: 'truncated' | 'trailing' | 'invalid',
    expected: string,
    /** Offset of the first byte (or character) that does not fit. */
    readonly position: number,
  ) {
    super(`${expected} (at ${position})`)
  }
}

/** A value of ours that its wire type cannot hold. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError'
  readonly temporary = false

  constructor(
    /** `LARGE`: it is longer than its length prefix or its padded block can say. `RANGE`: it is no value of the type. */
    readonly code: 'LARGE' | 'RANGE',
    message: string,
  ) {
    super(message)
  }
}
