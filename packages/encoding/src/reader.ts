// Spec 01 §1: reading binary primitives.
import { DecodeError } from './errors.js'

const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads primitives from a byte array, front to back. Every method throws `DecodeError` rather than return short data.
 * The arrays it returns are views into the array that it was given: copy what outlives the call.
 */
export class Reader {
  readonly #bytes: Uint8Array
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get position(): number {
    return this.#position
  }

  get remaining(): number {
    return this.#bytes.length - this.#position
  }

  /** The error that a codec throws when a value at the current position (or at `position`) is none of its type. */
  invalid(expected: string, position = this.#position): DecodeError {
    return new DecodeError('invalid', expected, position)
  }

  #advance(count: number): number {
    const start = this.#position
    const end = start + count
    if (end > this.#bytes.length) {
      throw new DecodeError('truncated', `expected ${count} more bytes, got ${this.remaining}`, start)
    }
    this.#position = end
    return start
  }

  byte(): number {
    return this.#bytes[this.#advance(1)] as number
  }

  /** The next byte without taking it, `undefined` at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#position]
  }

  word16(): number {
    const at = this.#advance(2)
    const bytes = this.#bytes
    return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  }

  word32(): number {
    return this.word16() * 0x10000 + this.word16()
  }

  /** 8 bytes, big-endian, two's complement. */
  int64(): bigint {
    const high = this.word32()
    return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(this.word32()))
  }

  take(count: number): Uint8Array {
    const start = this.#advance(count)
    return this.#bytes.subarray(start, start + count)
  }

  /** `str`: one length byte, then 0 to 255 bytes. */
  shortBytes(): Uint8Array {
    return this.take(this.byte())
  }

  /** `large`: a 16-bit length, then up to 65535 bytes. */
  largeBytes(): Uint8Array {
    return this.take(this.word16())
  }

  /** `tail`: everything that is left. */
  tail(): Uint8Array {
    return this.take(this.remaining)
  }

  /** The bytes from `position` to here, read already. */
  since(position: number): Uint8Array {
    return this.#bytes.subarray(position, this.#position)
  }

  /** Takes one byte that must be `byte`. */
  expect(byte: number, name: string): void {
    const at = this.#position
    if (this.byte() !== byte) throw this.invalid(`expected ${name}`, at)
  }

  /** Whether the next bytes are the ASCII text `word`; takes them if so. */
  word(word: string): boolean {
    if (this.remaining < word.length) return false
    for (let i = 0; i < word.length; i++) {
      if (this.#bytes[this.#position + i] !== word.charCodeAt(i)) return false
    }
    this.#position += word.length
    return true
  }

  /** Decodes bytes that this reader returned as UTF-8. */
  utf8(bytes: Uint8Array): string {
    try {
      return textDecoder.decode(bytes)
    } catch {
      throw this.invalid('expected UTF-8', this.#position - bytes.length)
    }
  }

  /** Whoever reads a whole message calls this last. */
  end(): void {
    if (this.remaining > 0) {
      throw new DecodeError('trailing', `expected the end, got ${this.remaining} more bytes`, this.#position)
    }
  }
}
