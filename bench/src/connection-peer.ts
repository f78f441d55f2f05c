// The receiving end of the connection benchmark: our connection, and bare TLS.
import { createServer, type TLSSocket } from 'node:tls'
import { createServerIdentity, listenSmp } from '@smpkit/smp-transport'
import { tlsParameters } from '@smpkit/smp-transport/internal'
import { type FixedCipher, fixedCipher } from './fixed-cipher.js'
import { serve } from './peer.js'

const identity = createServerIdentity()
const blockSize = 16384
export const highWaterMark = 256 * 1024

/** Settles when the blocks that were announced have come. */
let finish = () => {}
let left = 0
let cipher: FixedCipher | null = null

async function ours(): Promise<{ port: number; keyHash: Uint8Array }> {
  const server = await listenSmp({
    identity,
    host: '127.0.0.1',
    highWaterMark,
    async onConnection(connection) {
      for await (const content of connection) {
        if (content.length === 0) throw new Error('a block could not be opened')
        if (--left === 0) finish()
      }
    },
  })
  return { port: server.port, keyHash: identity.fingerprint }
}

function bare(): Promise<{ port: number }> {
  const block = new Uint8Array(blockSize)
  const server = createServer({ ...tlsParameters(identity), ...({ highWaterMark } as object) }, (socket: TLSSocket) => {
    let bytes = 0
    socket.on('data', (chunk) => {
      bytes += chunk.length
      while (bytes >= blockSize) {
        bytes -= blockSize
        cipher?.open(block)
        if (--left === 0) finish()
      }
    })
    socket.on('error', () => {})
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ port: (server.address() as { port: number }).port }))
  })
}

serve({
  ours,
  bare,
  expect(blocks: number, encrypted: boolean) {
    left = blocks
    cipher = encrypted ? fixedCipher() : null
  },
  received: () => (left === 0 ? undefined : new Promise<void>((resolve) => (finish = resolve))),
})
