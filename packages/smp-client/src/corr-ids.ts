// Spec 04 §2.3: correlation ids.
import { randomBytes } from '@smpkit/crypto'
import { corrIdLength } from '@smpkit/smp-commands'

/** Asking the generator once for many is several times faster than for each. */
const drawn = 128

let pool: Uint8Array = new Uint8Array(0)
let used = 0

/** 24 random bytes: also the nonce of authenticators and proxy layers, and for `NEW` with link data what makes the sender id. */
export function newCorrId(): Uint8Array {
  if (used === pool.length) {
    pool = randomBytes(drawn * corrIdLength)
    used = 0
  }
  used += corrIdLength
  return pool.slice(used - corrIdLength, used)
}
