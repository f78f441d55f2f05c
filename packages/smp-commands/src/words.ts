// Spec 04 §2, §9: words that end at a space or at the end, with or without parameters.
import { type Codec, Reader, record, tagged, Writer } from '@smpkit/encoding'

const ascii = new TextDecoder('latin1')
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
const space = 0x20
const questionMark = 0x3f

/** A word up to the next space, which is left where it is. */
const word: Codec<string> = {
  write: (w, v) => w.word(v),
  read(r) {
    const at = r.position
    while (r.remaining > 0 && r.peek() !== space) r.byte()
    return ascii.decode(r.since(at))
  },
}

/** Parameters behind a word: one space, then `codec`. */
export function afterSpace<T>(codec: Codec<T>): Codec<T> {
  return {
    write(w, v) {
      w.byte(space)
      codec.write(w, v)
    },
    read(r) {
      r.expect(space, 'a space')
      return codec.read(r)
    },
  }
}

/** A word that stands alone. */
export const alone: Codec<object> = record({})

/** One of several words in the field `code`, each with its parameters. */
export function words<const V extends Record<string, Codec<object>>>(variants: V) {
  return tagged('code', word, variants)
}

/** A nested error: `code: 'CMD', inner: { code: 'SYNTAX' }`. */
export const inner = <T>(codec: Codec<T>): Codec<{ inner: T }> => afterSpace(record({ inner: codec }))

/** Writes `value` as text: the codec's bytes read as UTF-8. */
export function toText<T>(codec: Codec<T>, value: T): string {
  const writer = new Writer()
  codec.write(writer, value)
  return utf8.decode(writer.view())
}

/** @throws DecodeError */
export function fromText<T>(codec: Codec<T>, text: string): T {
  const reader = new Reader(new TextEncoder().encode(text))
  const value = codec.read(reader)
  reader.end()
  return value
}

/** The length of the UTF-8 sequence at `at`, 0 where there is none: also for overlong forms and surrogates. */
function utf8Length(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4) return 0
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  const second = bytes[at + 1] ?? 0
  const min = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const max = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  if (second < min || second > max) return 0
  for (let i = at + 2; i < at + length; i++) if ((bytes[i] ?? 0) >> 6 !== 0b10) return 0
  return length
}

/** Bytes as UTF-8; each byte that is not becomes `?`. One pass: the bytes are a peer's. */
function lossyUtf8(bytes: Uint8Array): string {
  const valid = new Uint8Array(bytes)
  for (let at = 0; at < bytes.length; ) {
    const length = utf8Length(bytes, at)
    if (length === 0) valid[at] = questionMark
    at += length || 1
  }
  return utf8.decode(valid)
}

/** Free text to the end of the message. */
export const textToEnd: Codec<string> = { write: (w, v) => w.utf8(v), read: (r) => lossyUtf8(r.tail()) }
