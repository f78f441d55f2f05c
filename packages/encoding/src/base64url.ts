// Spec 01 §2: bytes as text.
import { nativeCoder, portableCoder } from './base64url-coders.js'
import { DecodeError } from './errors.js'

const coder = nativeCoder ?? portableCoder

/** base64url with `=` padding: the text form of bytes, ids, keys and signatures. */
export function toBase64url(bytes: Uint8Array): string {
  return coder.encode(bytes)
}

/** base64url without padding: only the parts of short links. */
export function toBase64urlUnpadded(bytes: Uint8Array): string {
  return coder.encode(bytes).replace(/=+$/, '')
}

/**
 * At least one character, padding absent or exactly right, unused bits zero.
 * @throws DecodeError
 */
export function fromBase64url(text: string): Uint8Array {
  if (/^[A-Za-z0-9_-]+={0,2}$/.test(text)) {
    const bare = text.replace(/=+$/, '')
    const full = bare.padEnd(Math.ceil(bare.length / 4) * 4, '=')
    if (bare.length % 4 !== 1 && (text === bare || text === full)) {
      const bytes = coder.decode(full)
      if (coder.encode(bytes) === full) return bytes
    }
  }
  throw new DecodeError('invalid', 'expected base64url', 0)
}
