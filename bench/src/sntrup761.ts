// The KEM of the post-quantum ratchet: ours in JavaScript against liboqs (WebAssembly).
import { createSntrup761 } from '@openforge-sh/liboqs'
import { decapsulate, encapsulate, generateKemKeyPair } from '@smpkit/ratchet'
import { type Bench, compare, row } from './harness.js'

export const sntrup761: Bench = {
  name: 'sntrup761',
  async run(progress) {
    const oqs = await createSntrup761()
    const { publicKey, secretKey } = generateKemKeyPair()
    const { ciphertext } = encapsulate(publicKey)
    const pairs = [
      ['keygen', () => generateKemKeyPair(), () => oqs.generateKeyPair()],
      ['encapsulate', () => encapsulate(publicKey), () => oqs.encapsulate(publicKey)],
      ['decapsulate', () => decapsulate(secretKey, ciphertext), () => oqs.decapsulate(ciphertext, secretKey)],
    ] as const
    const rows = pairs.map(([what, ours, limit]) => {
      progress(what)
      return row(`sntrup761 ${what}: liboqs`, 'calls/s', compare(ours, limit))
    })
    oqs.destroy()
    return rows
  },
}
