// Spec 01 §1: writing binary primitives.
import { EncodeError } from './errors.js'

const textEncoder = new TextEncoder()

/**
 * Writes primitives one after another into a buffer that grows. `reset` keeps the buffer, so that a writer that is
 * used again allocates nothing.
 */
export class Writer {
  #buffer: Uint8Array
  #length = 0

  constructor(capacity = 256) {
    this.#buffer = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** Forgets what was written, all or back to `length`. */
  reset(length = 0): void {
    this.#length = length
  }

  /** What was written, as a view that the next write or reset may change. */
  view(start = 0): Uint8Array {
    return this.#buffer.subarray(start, this.#length)
  }

  /** What was written, as a copy. */
  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length)
  }

  #grow(count: number): number {
    const start = this.#length
    const end = start + count
    if (end > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(end, this.#buffer.length * 2))
      larger.set(this.view())
      this.#buffer = larger
    }
    this.#length = end
    return start
  }

  byte(value: number): void {
    // Two statements: the buffer that `#integer` may replace must be looked up after it.
    const at = this.#integer(value, 0xff, 1)
    this.#buffer[at] = value
  }

  word16(value: number): void {
    const at = this.#integer(value, 0xffff, 2)
    this.#buffer[at] = value >>> 8
    this.#buffer[at + 1] = value
  }

  word32(value: number): void {
    const at = this.#integer(value, 0xffffffff, 4)
    this.#buffer[at] = value >>> 24
    this.#buffer[at + 1] = value >>> 16
    this.#buffer[at + 2] = value >>> 8
    this.#buffer[at + 3] = value
  }

  #integer(value: number, max: number, size: number): number {
    if (!Number.isInteger(value) || value < 0 || value > max) {
      throw new EncodeError('RANGE', `expected an integer from 0 to ${max}, got ${value}`)
    }
    return this.#grow(size)
  }

  /** 8 bytes, big-endian, two's complement. */
  int64(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new EncodeError('RANGE', 'expected a 64-bit integer')
    const unsigned = BigInt.asUintN(64, value)
    this.word32(Number(unsigned >> 32n))
    this.word32(Number(unsigned & 0xffffffffn))
  }

  raw(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length)
    this.#buffer.set(bytes, at)
  }

  /** `str`: one length byte, then 0 to 255 bytes. */
  shortBytes(bytes: Uint8Array): void {
    if (bytes.length > 255) throw new EncodeError('LARGE', `expected at most 255 bytes, got ${bytes.length}`)
    const at = this.#grow(1 + bytes.length)
    this.#buffer[at] = bytes.length
    this.#buffer.set(bytes, at + 1)
  }

  /** `large`: a 16-bit length, then up to 65535 bytes. */
  largeBytes(bytes: Uint8Array): void {
    if (bytes.length > 65535) throw new EncodeError('LARGE', `expected at most 65535 bytes, got ${bytes.length}`)
    this.word16(bytes.length)
    this.raw(bytes)
  }

  /** ASCII letters as they are, without a length: tags and separators. */
  word(word: string): void {
    const at = this.#grow(word.length)
    for (let i = 0; i < word.length; i++) this.#buffer[at + i] = word.charCodeAt(i)
  }

  utf8(text: string): void {
    this.raw(textEncoder.encode(text))
  }

  /** Fills in a 16-bit value at a place that was written before, such as the length of what followed. */
  patchWord16(at: number, value: number): void {
    this.#buffer[at] = value >>> 8
    this.#buffer[at + 1] = value
  }
}
