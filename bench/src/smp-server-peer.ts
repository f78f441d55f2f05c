// The SMP server of the benchmarks that need one, and the verifying half of what subscribing is measured by.
import { createPublicKey, verify } from 'node:crypto'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { residentMemory, serve } from './peer.js'

let server: SmpServer | undefined

serve({
  async start() {
    server = await startSmpServer()
    return server.addressText
  },
  residentMemory,
  /** Milliseconds for so many verifications. */
  verify(count: number, publicKeyDer: Uint8Array, bytes: Uint8Array, signature: Uint8Array) {
    const key = createPublicKey({ key: Buffer.from(publicKeyDer), format: 'der', type: 'spki' })
    const start = performance.now()
    for (let i = 0; i < count; i++) if (!verify(null, bytes, key, signature)) throw new Error('not verified')
    return performance.now() - start
  },
})
