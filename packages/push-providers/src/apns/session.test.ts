import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { retry, start, until } from '../testing/apns-sending.js'
import { createTestIdentity } from '../testing/authority.js'
import { openSession } from './session.js'

/** Passes bytes on to `port` until it is silenced, then keeps its connections open without a word. */
async function startRelay(port: () => number) {
  const sockets: Socket[] = []
  const relay = createServer((near) => {
    const far = connect(port(), '127.0.0.1')
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) socket.on('error', () => {})
    sockets.push(near, far)
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  return {
    port: (relay.address() as AddressInfo).port,
    silence() {
      for (const socket of sockets) socket.unpipe().pause()
    },
    close() {
      for (const socket of sockets) socket.destroy()
      relay.close()
    },
  }
}

test('a connection that died without a word is noticed, and replaced by the next push', async () => {
  let port = 0
  const relay = await startRelay(() => port)
  const { fake, send } = await start({ port: relay.port, timeouts: { ping: 50 } })
  port = fake.options.port
  expect(await send()).toEqual({ outcome: 'accepted' })
  relay.silence()
  expect(await send()).toEqual(retry('lost'))
  expect(await send()).toEqual({ outcome: 'accepted' })
  expect(fake.connections.made).toBe(2)
  relay.close()
})

test('a far end that takes the connection and says nothing is no connection', async () => {
  const mute = createServer(() => {}).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const { send } = await start({ port: (mute.address() as AddressInfo).port, timeouts: { connect: 50 } })
  expect(await send()).toEqual(retry('connect', { all: true }))
  mute.close()
})

test('a connection is asked whether it is there, and stays', async () => {
  const { fake, send } = await start({ timeouts: { ping: 5 } })
  await send()
  await new Promise((resolve) => setTimeout(resolve, 60))
  await send()
  await until(() => fake.connections.open === 1)
  expect(fake.connections.made).toBe(1)
})

test('requests end with their abort and their time-out where not even the system of the far end takes more bytes', async () => {
  const identity = createTestIdentity()
  const windowSize = 2 ** 30
  const server = createSecureServer({ ...identity, settings: { initialWindowSize: windowSize } })
  server.on('session', (session) => session.setLocalWindowSize(windowSize))
  server.on('stream', (stream) => stream.on('error', () => {}).respond())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const relay = await startRelay(() => (server.address() as AddressInfo).port)
  const never = new AbortController().signal
  const times = { connectMs: 5000, pingMs: 60_000, idleMs: 60_000 }
  const options = { host: 'localhost', port: relay.port, ca: identity.ca, ...times }
  const session = await openSession(options, () => {}, never)
  const post = (signal: AbortSignal, timeoutMs: number) =>
    session?.post({ ':method': 'POST', ':path': '/' }, 'x'.repeat(10_000_000), { signal, timeoutMs })
  // When its window is as large as it said.
  await new Promise((resolve) => setTimeout(resolve, 50))
  relay.silence()
  const abort = new AbortController()
  const sent = [post(abort.signal, 60_000), post(never, 100)]
  expect(await sent[1]).toEqual({ failed: 'timeout' })
  abort.abort()
  expect(await sent[0]).toEqual({ failed: 'aborted' })
  session?.destroy()
  relay.close()
  server.close()
})
