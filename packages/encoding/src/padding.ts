// Spec 01 §6: padding to a fixed length.
import { DecodeError, EncodeError } from './errors.js'

/** What an absent byte is filled with: `#`. */
const fill = 0x23

/**
 * Writes the 16-bit length of `message`, the message and `#` up to the end of `target`.
 * @throws EncodeError `LARGE` if the message does not fit
 */
export function padInto(target: Uint8Array, message: Uint8Array): void {
  const { length } = message
  if (length > 65533 || length + 2 > target.length) {
    throw new EncodeError('LARGE', `expected at most ${Math.min(65533, target.length - 2)} bytes to pad, got ${length}`)
  }
  target[0] = length >>> 8
  target[1] = length
  target.set(message, 2)
  target.fill(fill, 2 + length)
}

/** @throws EncodeError `LARGE` if the message does not fit `paddedLength` */
export function pad(message: Uint8Array, paddedLength: number): Uint8Array {
  const padded = new Uint8Array(paddedLength)
  padInto(padded, message)
  return padded
}

/** The message inside `padded`, as a view; the fill bytes are not looked at. @throws DecodeError */
export function unpad(padded: Uint8Array): Uint8Array {
  if (padded.length < 2) throw new DecodeError('truncated', `expected at least 2 padded bytes, got ${padded.length}`, 0)
  const length = ((padded[0] as number) << 8) | (padded[1] as number)
  if (length > padded.length - 2) {
    throw new DecodeError('truncated', `expected ${length} padded bytes, got ${padded.length - 2}`, 2)
  }
  return padded.subarray(2, 2 + length)
}
