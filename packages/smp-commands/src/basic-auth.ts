// Spec 01 §3, 04 §4.2: the password for creating queues.
import { type Codec, EncodeError, shortBytes } from '@smpkit/encoding'

/** Printable Latin-1 without white space, `@`, `:` and `/`. An address needs at least one character. */
export const isBasicAuth = (password: string): boolean =>
  /^[\x21-\x2e\x30-\x39\x3b-\x3f\x41-\x7e\xa1-\xac\xae-\xff]*$/.test(password)

const expected = 'expected a printable password without white space, @, : and /'

/** One byte for each character, at most 255. */
export const basicAuth: Codec<string> = {
  write(w, v) {
    if (!isBasicAuth(v)) throw new EncodeError('RANGE', expected)
    shortBytes.write(
      w,
      Uint8Array.from(v, (character) => character.charCodeAt(0)),
    )
  },
  read(r) {
    const at = r.position
    const password = String.fromCharCode(...r.shortBytes())
    if (!isBasicAuth(password)) throw r.invalid(expected, at)
    return password
  },
}
