// Spec 03 §3.5: where blocks are padded and encrypted. A new 16 KB array for each block costs more than its encryption's HKDF.

/** Buffers that are written in order, each used again when what it held has been written. */
export class WriteBuffers {
  readonly #size: number
  readonly #kept: number
  /** The buffers that may still be read by the socket, oldest first, and how many were there before the oldest. */
  #buffers: Buffer[] = []
  #before = 0

  /** Keeps at most `kept` buffers of `size` bytes for later. */
  constructor(size: number, kept: number) {
    this.#size = size
    this.#kept = kept
  }

  /** A buffer for the next block; `written` is how many of the blocks before it have been written. Its bytes are arbitrary. */
  next(written: number): Buffer {
    while (this.#buffers.length > this.#kept && this.#before < written) this.#shift()
    const buffer = (this.#before < written && this.#shift()) || Buffer.allocUnsafeSlow(this.#size)
    this.#buffers.push(buffer)
    return buffer
  }

  /** To be called when all blocks have been written. */
  release(): void {
    this.#before += this.#buffers.length
    this.#buffers = []
  }

  #shift(): Buffer | undefined {
    this.#before++
    return this.#buffers.shift()
  }
}
