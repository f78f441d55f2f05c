import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { afterEach, describe, expect, it } from 'vitest'
import { connectSmp } from './connect.js'
import { SmpTransportError } from './errors.js'
import { bytes, cleanUp, startServer, startTcp, take } from './testing/fixtures.js'

afterEach(cleanUp)

const brief = 300

/** How many of `count` connections at once the server lets in. */
async function connectMany(address: ServerAddress, count: number): Promise<number> {
  const results = await Promise.allSettled(Array.from({ length: count }, () => connectSmp(address)))
  const clients = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  await Promise.all(clients.map((client) => client.close()))
  return clients.length
}

const cuts: Record<string, (sockets: readonly Socket[]) => void> = {
  ended: (sockets) => sockets.forEach((socket) => void socket.end()),
  reset: (sockets) => sockets.forEach((socket) => void socket.resetAndDestroy()),
  stalled: (sockets) => sockets.forEach((socket) => void socket.pause()),
}

describe('a connection that the network fails after any number of bytes', () => {
  it.each(Object.keys(cuts))('and is %s settles on both ends, and the server keeps nothing of it', async (kind) => {
    const limits = { tlsTimeout: brief, handshakeTimeout: brief, idleTimeout: brief }
    const { address } = await startServer({
      ...limits,
      maxConnections: 40,
      async onConnection(connection) {
        for await (const content of connection) await connection.send(content)
      },
    })
    let next = 0
    const relay = await startTcp((socket) => {
      const onward = connect(Number(address.port), '127.0.0.1')
      let left = next++ * 1500
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        from.on('error', () => {})
        from.on('close', () => to.destroy())
        from.on('data', (data) => {
          if (left < 0) return
          left -= data.length
          to.write(data)
          if (left < 0) cuts[kind]?.([socket, onward])
        })
      }
    })
    const attempts = Array.from({ length: 40 }, async () => {
      const client = await connectSmp(relay, { ...limits, connectTimeout: brief })
      void client.send(bytes(100))
      await take(client)
      return client.closed
    })
    for (const result of await Promise.allSettled(attempts)) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(SmpTransportError)
    }
    await expect.poll(() => connectMany(address, 40), { timeout: 20_000 }).toBe(40)
  })
})

describe('connections that are aborted at any moment', () => {
  it('settle, and the server keeps nothing of them', async () => {
    const { address } = await startServer({ maxConnections: 100 })
    const attempts = Array.from({ length: 100 }, async (_, i) => {
      const controller = new AbortController()
      const connecting = connectSmp(address, { signal: controller.signal })
      if (i < 20) for (let turn = 0; turn < i; turn++) await undefined
      else await delay(i)
      controller.abort()
      await (await connecting).close()
    })
    for (const result of await Promise.allSettled(attempts)) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'ABORTED' })
    }
    await expect.poll(() => connectMany(address, 100), { timeout: 20_000 }).toBe(100)
  })
})
