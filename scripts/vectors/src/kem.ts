// test-vectors/agent/README.md, kem.sntrup761: spec 10 §10.1.0.
import { sha512 } from '@smpkit/crypto'
import { concat, equalBytes } from '@smpkit/encoding'
import { decapsulate } from '@smpkit/ratchet'
import { operation, type Suite } from './case.js'

export const kemSuite: Suite = {
  ops: {
    decapsulate: operation((input) => {
      const [secretKey, ciphertext] = [input.bytes('secretKey'), input.bytes('ciphertext')]
      const sharedSecret = decapsulate(secretKey, ciphertext)
      return { sharedSecret, accepted: !equalBytes(sharedSecret, rejectionSecret(secretKey, ciphertext)) }
    }),
  },
}

/** What a rejection gives: h_0(h_3(rho) ‖ ciphertext), where rho stands in the secret key. */
function rejectionSecret(secretKey: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const rho = secretKey.subarray(1763 - 32 - 191, 1763 - 32)
  return hash(0, concat(hash(3, rho), ciphertext))
}

function hash(b: number, data: Uint8Array): Uint8Array {
  return sha512(concat(Uint8Array.of(b), data)).slice(0, 32)
}
