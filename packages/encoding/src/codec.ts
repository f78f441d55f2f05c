// Spec 01 §1: codecs, the one description of a wire type for both directions.
import { EncodeError } from './errors.js'
import { Reader } from './reader.js'
import { Writer } from './writer.js'

const textEncoder = new TextEncoder()

/** Writes and reads one wire type. `read` may leave bytes over; `decode` refuses them. */
export interface Codec<T> {
  write(writer: Writer, value: T): void
  read(reader: Reader): T
}

/** The type of the values of a codec. */
export type Value<C> = C extends Codec<infer T> ? T : never

/** Writes one value. @throws EncodeError */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new Writer()
  codec.write(writer, value)
  return writer.bytes()
}

/** Reads one value that must fill `bytes`; arrays in it are views into `bytes`. @throws DecodeError */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes)
  const value = codec.read(reader)
  reader.end()
  return value
}

export const byte: Codec<number> = { write: (w, v) => w.byte(v), read: (r) => r.byte() }
export const word16: Codec<number> = { write: (w, v) => w.word16(v), read: (r) => r.word16() }
export const word32: Codec<number> = { write: (w, v) => w.word32(v), read: (r) => r.word32() }
export const int64: Codec<bigint> = { write: (w, v) => w.int64(v), read: (r) => r.int64() }
export const shortBytes: Codec<Uint8Array> = { write: (w, v) => w.shortBytes(v), read: (r) => r.shortBytes() }
export const largeBytes: Codec<Uint8Array> = { write: (w, v) => w.largeBytes(v), read: (r) => r.largeBytes() }
export const tail: Codec<Uint8Array> = { write: (w, v) => w.raw(v), read: (r) => r.tail() }

/** `T` or `F`. */
export const bool: Codec<boolean> = {
  write: (w, v) => w.byte(v ? 0x54 : 0x46),
  read(r) {
    const at = r.position
    const letter = r.byte()
    if (letter !== 0x54 && letter !== 0x46) throw r.invalid('expected T or F', at)
    return letter === 0x54
  },
}

/** System time: whole seconds since the Unix epoch in 8 bytes. */
export const seconds: Codec<number> = {
  write(w, v) {
    if (!Number.isSafeInteger(v)) throw new EncodeError('RANGE', 'expected a time in whole seconds')
    w.int64(BigInt(v))
  },
  read(r) {
    const at = r.position
    const value = Number(r.int64())
    if (!Number.isSafeInteger(value)) throw r.invalid('expected a time below 2^53 seconds', at)
    return value
  },
}

/** UTF-8 with one length byte. */
export const text: Codec<string> = {
  write: (w, v) => w.shortBytes(textEncoder.encode(v)),
  read: (r) => r.utf8(r.shortBytes()),
}

/** `count` bytes without a length. */
export function fixedBytes(count: number): Codec<Uint8Array> {
  return {
    write(w, v) {
      if (v.length !== count) throw new EncodeError('RANGE', `expected ${count} bytes, got ${v.length}`)
      w.raw(v)
    },
    read: (r) => r.take(count),
  }
}

/** 24 bytes without a length. */
export const nonce = fixedBytes(24)

/** `0`, or `1` and a value; absent is `null`. */
export function optional<T>(codec: Codec<T>): Codec<T | null> {
  return {
    write(w, v) {
      w.byte(v === null ? 0x30 : 0x31)
      if (v !== null) codec.write(w, v)
    },
    read(r) {
      const at = r.position
      const present = r.byte()
      if (present === 0x30) return null
      if (present !== 0x31) throw r.invalid('expected 0 or 1', at)
      return codec.read(r)
    },
  }
}

/** A count byte and that many items, at least `min` of them. */
export function list<T>(codec: Codec<T>, min: 0 | 1 = 0): Codec<T[]> {
  return {
    write(w, v) {
      if (v.length < min) throw new EncodeError('RANGE', `expected at least ${min} items, got ${v.length}`)
      if (v.length > 255) throw new EncodeError('LARGE', `expected at most 255 items, got ${v.length}`)
      w.byte(v.length)
      for (const item of v) codec.write(w, item)
    },
    read(r) {
      const at = r.position
      const count = r.byte()
      if (count < min) throw r.invalid(`expected at least ${min} items, got ${count}`, at)
      return Array.from({ length: count }, () => codec.read(r))
    },
  }
}

/** One of a few letters, each standing for a word: `letters({ S: 'subscribe', C: 'create' })`. */
export function letters<const M extends Record<string, string>>(meaning: M): Codec<M[keyof M]> {
  const ofLetter = new Map(Object.entries(meaning).map(([letter, word]) => [letter.charCodeAt(0), word]))
  const ofWord = new Map(Object.entries(meaning).map(([letter, word]) => [word, letter.charCodeAt(0)]))
  const expected = Object.keys(meaning).join(' or ')
  return {
    write(w, v) {
      const letter = ofWord.get(v)
      if (letter === undefined) throw new EncodeError('RANGE', `expected ${[...ofWord.keys()].join(' or ')}`)
      w.byte(letter)
    },
    read(r) {
      const at = r.position
      const word = ofLetter.get(r.byte())
      if (word === undefined) throw r.invalid(`expected ${expected}`, at)
      return word as M[keyof M]
    },
  }
}

/** Fields one after another, in the order in which they are listed. */
export function record<T extends object>(fields: { [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const entries = Object.entries(fields) as [keyof T & string, Codec<unknown>][]
  return {
    write(w, v) {
      for (const [name, codec] of entries) codec.write(w, v[name])
    },
    read(r) {
      const value: Record<string, unknown> = {}
      for (const [name, codec] of entries) value[name] = codec.read(r)
      return value as T
    },
  }
}

/** What a variant's codec reads, with the word that names it in the field `key`. */
type Tagged<K extends string, V extends Record<string, Codec<object>>> = {
  [N in keyof V & string]: { [P in K]: N } & Value<V[N]>
}[keyof V & string]

/**
 * One of several records, told apart by a word that `tag` reads and writes and that stands in the value's field `key`.
 * `unknown` makes the error for a word that is not listed.
 */
export function tagged<K extends string, const V extends Record<string, Codec<object>>>(
  key: K,
  tag: Codec<string>,
  variants: V,
): Codec<Tagged<K, V>> {
  const codecs = new Map<string, Codec<object>>(Object.entries(variants))
  return {
    write(w, v) {
      const name = v[key] as string
      const codec = codecs.get(name)
      if (!codec) throw new EncodeError('RANGE', `expected one of ${[...codecs.keys()].join(', ')}`)
      tag.write(w, name)
      codec.write(w, v)
    },
    read(r) {
      const at = r.position
      const name = tag.read(r)
      const codec = codecs.get(name)
      if (!codec) throw r.invalid(`expected one of ${[...codecs.keys()].join(', ')}`, at)
      return { [key]: name, ...codec.read(r) } as Tagged<K, V>
    },
  }
}

/** A codec of another type for the same bytes. */
export function mapped<A, B>(codec: Codec<A>, to: (a: A) => B, from: (b: B) => A): Codec<B> {
  return { write: (w, v) => codec.write(w, from(v)), read: (r) => to(codec.read(r)) }
}
