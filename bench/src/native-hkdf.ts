// HKDF-SHA512 with an empty salt, as fast as Node does it: `hkdfSync` is slower.
import { createHmac } from 'node:crypto'

/** Extract, and the two rounds of expand that up to 128 bytes take (02 §3, 10 §10.5.1). */
export function nativeHkdf(chainKey: Uint8Array, info: Uint8Array): void {
  const prk = createHmac('sha512', '').update(chainKey).digest()
  const first = createHmac('sha512', prk)
    .update(info)
    .update(Buffer.from([1]))
    .digest()
  createHmac('sha512', prk)
    .update(first)
    .update(info)
    .update(Buffer.from([2]))
    .digest()
}
