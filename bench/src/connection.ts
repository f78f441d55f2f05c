// 16 KB blocks through one connection, from this process to another: ours against bare TLS.

import { connect, type TLSSocket } from 'node:tls'
import { randomBytes } from '@smpkit/crypto'
import { connectSmp } from '@smpkit/smp-transport'
import { tlsParameters } from '@smpkit/smp-transport/internal'
import { highWaterMark } from './connection-peer.js'
import { fixedCipher } from './fixed-cipher.js'
import { type Bench, median, row } from './harness.js'
import { type Peer, startPeer } from './peer.js'

const blocks = 8192
const rounds = 5
const content = randomBytes(16000)

type Send = (count: number) => Promise<void>

async function ours(peer: Peer, proxyServer: boolean): Promise<{ send: Send; close: () => Promise<void> }> {
  const { port, keyHash } = await peer.call<{ port: number; keyHash: Uint8Array }>('ours')
  const hosts = [{ type: 'ipv4', text: '127.0.0.1' }] as const
  // What a proxy sends to a relay is not encrypted again (03 §3.5).
  const connection = await connectSmp({ hosts, port: String(port), keyHash }, { proxyServer, highWaterMark })
  return {
    async send(count) {
      for (let i = 0; i < count; i++) await connection.send(content)
    },
    close: () => connection.close(),
  }
}

async function bare(peer: Peer, encrypted: boolean): Promise<{ send: Send; close: () => Promise<void> }> {
  const { port } = await peer.call<{ port: number }>('bare')
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const options = { ...tlsParameters(), port, host: '127.0.0.1', rejectUnauthorized: false, servername: '' }
    const socket = connect({ ...options, ...({ highWaterMark } as object) }, () => resolve(socket))
    socket.on('error', reject)
  })
  const block = randomBytes(16384)
  const cipher = encrypted ? fixedCipher() : null
  return {
    async send(count) {
      for (let i = 0; i < count; i++) {
        cipher?.seal(block)
        if (!socket.write(block)) await new Promise((resolve) => socket.once('drain', resolve))
      }
    },
    async close() {
      socket.destroy()
    },
  }
}

/** Blocks per second from the first write until the other process has the last one. */
async function rate(peer: Peer, send: Send, encrypted: boolean, count = blocks): Promise<number> {
  await peer.call('expect', count, encrypted)
  const start = performance.now()
  await send(count)
  await peer.call('received')
  return (count * 1000) / (performance.now() - start)
}

async function measure(encrypted: boolean): Promise<{ ours: number; limit: number }> {
  await using peer = startPeer(new URL('./connection-peer.js', import.meta.url))
  const a = await ours(peer, !encrypted)
  const b = await bare(peer, encrypted)
  const rates = { ours: [] as number[], limit: [] as number[] }
  for (const { send } of [a, b]) await rate(peer, send, encrypted, blocks / 4)
  for (let i = 0; i < rounds; i++) {
    rates.ours.push(await rate(peer, a.send, encrypted))
    rates.limit.push(await rate(peer, b.send, encrypted))
  }
  await Promise.all([a.close(), b.close()])
  return { ours: median(rates.ours), limit: median(rates.limit) }
}

export const connection: Bench = {
  name: 'blocks through one connection',
  async run(progress) {
    progress('encrypted')
    const encrypted = row('16 KB blocks, block encryption on', 'blocks/s', await measure(true), 0.7)
    progress('not encrypted')
    return [encrypted, row('16 KB blocks, without block encryption', 'blocks/s', await measure(false), 0.7)]
  },
}
