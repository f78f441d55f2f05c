/** Joins arrays into a new one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** Compares public values; the time it takes tells where they differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function toHex(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  return hex
}

/** A key for maps: one character for each byte. A copy, so that it does not keep a block alive. */
export function toMapKey(bytes: Uint8Array): string {
  // Three times faster than spreading, and done several times for each command.
  return String.fromCharCode.apply(null, bytes as unknown as number[])
}

const slabLength = 16384
let slab = new Uint8Array(slabLength)
let slabUsed = 0

/**
 * Zeroed bytes for what lives no longer than a few turns of the event loop: a view into a slab that many such arrays share,
 * several times cheaper than an array of its own, and kept alive as a whole by each of them.
 */
export function shortLived(length: number): Uint8Array {
  if (length > slabLength / 8) return new Uint8Array(length)
  if (slabUsed + length > slabLength) {
    slab = new Uint8Array(slabLength)
    slabUsed = 0
  }
  slabUsed += length
  return slab.subarray(slabUsed - length, slabUsed)
}
