// Spec 01 §3, 04 §4.2: the password for creating queues.
import { type Codec, EncodeError, text } from '@smpkit/encoding'

/** Printable ASCII without white space, `@`, `:` and `/`, at least one character. */
export const isBasicAuth = (password: string): boolean => /^[\x21-\x2e\x30-\x39\x3b-\x3f\x41-\x7e]+$/.test(password)

export const basicAuth: Codec<string> = {
  write(w, v) {
    if (!isBasicAuth(v)) throw new EncodeError('RANGE', 'expected a password without white space, @, : and /')
    text.write(w, v)
  },
  read(r) {
    const at = r.position
    const password = text.read(r)
    if (!isBasicAuth(password)) throw r.invalid('expected a password without white space, @, : and /', at)
    return password
  },
}
