// The SMP server of the benchmarks that need one, and the verifying half of what subscribing is measured by.
import { createPublicKey, verify } from 'node:crypto'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { residentMemory, serve } from './peer.js'

let server: SmpServer | undefined
/** Tags of answers to `NSUB` and `NSUBS`. */
const answers = ['OK', 'SOK', 'SOKS']
/** How many of them are still to come. */
let expected = 0
let finish = () => {}
let subscribed = Promise.resolve()

serve({
  async start() {
    server = await startSmpServer({
      log: ({ direction, tag }) => {
        if (direction === 'sent' && answers.includes(tag) && --expected === 0) finish()
      },
    })
    return server.addressText
  },
  /** So many answers from now on. */
  expectSubscriptions(count: number) {
    expected = count
    subscribed = new Promise((resolve) => {
      finish = resolve
    })
  },
  subscribed: () => subscribed,
  /** How many more answers there were than expected. */
  surplus: () => -expected,
  residentMemory,
  /** Milliseconds for so many verifications. */
  verify(count: number, publicKeyDer: Uint8Array, bytes: Uint8Array, signature: Uint8Array) {
    const key = createPublicKey({ key: Buffer.from(publicKeyDer), format: 'der', type: 'spki' })
    const start = performance.now()
    for (let i = 0; i < count; i++) if (!verify(null, bytes, key, signature)) throw new Error('not verified')
    return performance.now() - start
  },
})
