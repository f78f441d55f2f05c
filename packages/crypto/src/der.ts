// ITU-T X.690: the strict DER that certificates and signed keys are made of.
import { concat, DecodeError, Reader } from '@smpkit/encoding'

/** The tags that occur here. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** Version of a certificate. */
  context0: 0xa0,
  /** Extensions of a certificate. */
  context3: 0xa3,
} as const

/**
 * Reads elements one after another. Lengths must be definite and minimal, tags of one byte. Arrays that it returns are
 * views. Every method throws DecodeError.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  readonly #reader: Reader
  #end: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#reader = new Reader(bytes)
    this.#end = bytes.length
  }

  /** The tag of the next element, `undefined` where the surrounding element ends. */
  next(): number | undefined {
    return this.#reader.position < this.#end ? this.#reader.peek() : undefined
  }

  /** Takes the next element, which must have `tag`, and returns what is in it. */
  content(tag: number, name: string): Uint8Array {
    return this.#reader.take(this.#header(tag, name))
  }

  /** Takes the next element, whatever its tag, and returns it with its header. */
  whole(name: string): Uint8Array {
    const start = this.#reader.position
    this.#reader.take(this.#header(this.next(), name))
    return this.#bytes.subarray(start, this.#reader.position)
  }

  /** Takes the next element; `read` must take everything in it. */
  inside<T>(tag: number, name: string, read: () => T): T {
    const length = this.#header(tag, name)
    const outer = this.#end
    this.#end = this.#reader.position + length
    const value = read()
    this.end(name)
    this.#end = outer
    return value
  }

  /** Nothing may follow. */
  end(name: string): void {
    const { position } = this.#reader
    if (position !== this.#end) throw new DecodeError('trailing', `expected the end of ${name}`, position)
  }

  boolean(name: string): boolean {
    const content = this.content(tags.boolean, name)
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw this.invalid(`a boolean as ${name}`)
    return content[0] === 0xff
  }

  /** The two's complement of an integer of any size, in as few bytes as it needs. */
  integer(name: string): Uint8Array {
    const content = this.content(tags.integer, name)
    const [first, second = 0] = content
    const redundant = content.length > 1 && first === (second & 0x80 ? 0xff : 0)
    if (first === undefined || redundant) throw this.invalid(`a minimal integer as ${name}`)
    return content
  }

  /** An integer from 0 to 127. */
  smallInteger(name: string): number {
    const content = this.integer(name)
    const value = content[0] as number
    if (content.length !== 1 || value > 127) throw this.invalid(`an integer below 128 as ${name}`)
    return value
  }

  /** A bit string of whole bytes. */
  octetBitString(name: string): Uint8Array {
    const content = this.content(tags.bitString, name)
    if (content[0] !== 0) throw this.invalid(`a bit string of whole bytes as ${name}`)
    return content.subarray(1)
  }

  /** The error for what was just taken. */
  invalid(expected: string): DecodeError {
    return new DecodeError('invalid', `expected ${expected}`, this.#reader.position)
  }

  /** Takes tag and length; returns the length, which fits into the surrounding element. */
  #header(tag: number | undefined, name: string): number {
    const at = this.#reader.position
    const room = () => this.#end - this.#reader.position
    if (room() < 2) throw new DecodeError('truncated', `expected ${name}, got the end`, at)
    const got = this.#reader.byte()
    if (got !== tag || (got & 0x1f) === 0x1f) {
      throw new DecodeError('invalid', `expected ${name}, got the tag ${got}`, at)
    }
    let length = this.#reader.byte()
    if (length > 0x80) {
      const count = length & 0x7f
      if (count > 3 || count > room()) throw new DecodeError('invalid', `expected a shorter length of ${name}`, at)
      length = this.#reader.take(count).reduce((sum, byte) => sum * 256 + byte, 0)
      if (length < 0x80 || length < 256 ** (count - 1)) {
        throw new DecodeError('invalid', `expected a minimal length of ${name}`, at)
      }
    } else if (length === 0x80) {
      throw new DecodeError('invalid', `expected a definite length of ${name}`, at)
    }
    if (length > room()) throw new DecodeError('truncated', `expected ${length} bytes of ${name}, got ${room()}`, at)
    return length
  }
}

/** One element; its parts are the content. */
export function derElement(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const content = concat(...parts)
  const { length } = content
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return concat(length < 0x80 ? Uint8Array.of(tag, length) : Uint8Array.of(tag, 0x80 | bytes.length, ...bytes), content)
}

export const derSequence = (...parts: Uint8Array[]): Uint8Array => derElement(tags.sequence, ...parts)

/** Whole bytes, or all but the last `unusedBits` bits. */
export function derBitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return derElement(tags.bitString, Uint8Array.of(unusedBits), bytes)
}

/** The object identifier whose encoded arcs are given. */
export const derObjectId = (...arcs: number[]): Uint8Array => derElement(tags.objectId, Uint8Array.from(arcs))
