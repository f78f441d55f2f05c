// Spec 04 §2, §9: words that end at a space or at the end, with or without parameters.
import { type Codec, Reader, record, tagged, Writer } from '@smpkit/encoding'

const ascii = new TextDecoder('latin1')
const space = 0x20

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
  return new TextDecoder().decode(writer.view())
}

/** @throws DecodeError */
export function fromText<T>(codec: Codec<T>, text: string): T {
  const reader = new Reader(new TextEncoder().encode(text))
  const value = codec.read(reader)
  reader.end()
  return value
}

/** Bytes as UTF-8; each byte that is not becomes `?`. */
function lossyUtf8(bytes: Uint8Array): string {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const size = [bytes.length - at, 1, 2, 3, 4].find((length) => {
      try {
        strict.decode(bytes.subarray(at, at + length))
        return true
      } catch {
        return false
      }
    })
    text += size ? strict.decode(bytes.subarray(at, at + size)) : '?'
    at += size ?? 1
  }
  return text
}

/** Free text to the end of the message. */
export const textToEnd: Codec<string> = { write: (w, v) => w.utf8(v), read: (r) => lossyUtf8(r.tail()) }
