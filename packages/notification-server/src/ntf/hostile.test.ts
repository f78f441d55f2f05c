import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PrivateKey } from '@smpkit/crypto'
import { NtfClient, type NtfVersion } from '@smpkit/ntf-protocol'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { createServerIdentity } from '@smpkit/smp-transport'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../clock.js'
import type { Limits } from '../limits.js'
import { memoryStore } from '../memory-store.js'
import { createNotificationServer } from '../server.js'
import { FakeProvider, FakeSubscriber } from '../testing/fakes.js'
import { ManualClock } from '../testing/manual-clock.js'
import { block, openRaw, openTls } from '../testing/raw-ntf.js'
import { type NtfDoorOptions, ntfDoor } from './door.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function memory(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function start(options: Partial<NtfDoorOptions> = {}, limits: Partial<Limits> = {}, clock = systemClock) {
  const front = ntfDoor({ identity: createServerIdentity(), host: '127.0.0.1', port: 0, ...options })
  const server = await createNotificationServer({
    subscriber: new FakeSubscriber(),
    store: memoryStore(),
    providers: [new FakeProvider('apns_null')],
    doors: [front],
    limits,
    clock,
  })
  onTestFinished(() => server.close())
  return { front, server, address: front.address() }
}

function clientOf(address: ServerAddress): NtfClient {
  const client = new NtfClient(address)
  onTestFinished(() => client.close())
  return client
}

const ping = { command: { tag: 'PING' }, key: null } as const

/** What `value` gives when it has not changed for a while. */
async function stable(value: () => number): Promise<number> {
  for (let last = value(), times = 0; ; ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    const now = value()
    times = now === last ? times + 1 : 0
    if (times === 5) return now
    last = now
  }
}

test('reads no more from a client that reads no answers, and serves the others', async () => {
  const { front, address } = await start()
  const client = clientOf(address)
  await client.request(ping)
  // Of version 1, whose answers are a block each.
  const raw = await openRaw(address, 1 as NtfVersion)
  raw.socket.pause()
  const count = 30_000
  const [content = new Uint8Array(0)] = raw.contents(ping.command, null)
  const blocks = Buffer.concat(Array.from({ length: 1000 }, () => block(content)))
  const before = memory()
  for (let i = 0; i < count; i += 1000) raw.send(blocks)
  const answered = () => front.metrics().commands.PING ?? 0
  const taken = await stable(answered)
  expect(taken).toBeLessThan(count)
  expect(raw.socket.writableLength).toBeGreaterThan(0)
  // What the client itself has still to send, apart, and what the server keeps for it.
  expect(memory() - before - count * 512).toBeLessThan(8_000_000)
  await client.request(ping)
  // It was only slow: nothing is lost.
  raw.socket.resume()
  await expect.poll(answered, { timeout: 30_000 }).toBe(count + 2)
  await expect.poll(() => raw.responses.length, { timeout: 30_000 }).toBe(count)
})

test('lets clients in although many connections do nothing', async () => {
  const { front, address } = await start({ maxConnectionsPerAddress: 2000, maxHandshakes: 50 })
  const silent: Socket[] = []
  onTestFinished(() => {
    for (const socket of silent) socket.destroy()
  })
  for (let i = 0; i < 1000; i++) {
    const socket = connect(Number(address.port), '127.0.0.1')
    socket.on('error', () => {})
    silent.push(socket)
    await once(socket, 'connect')
    // The beginning of a record of TLS, and no more of it.
    if (i % 2) socket.write(Uint8Array.of(22, 3, 1))
  }
  await clientOf(address).request(ping)
  // Those that have waited longest were ended.
  await expect.poll(() => silent.filter(({ closed }) => closed).length).toBeGreaterThan(900)
  // After TLS they may take their time too, and are let go for others.
  const halfway = await Promise.all(Array.from({ length: 10 }, () => openTls(address)))
  for (const socket of halfway) socket.write(new Uint8Array(300))
  await clientOf(address).request(ping)
  expect(front.metrics().connections).toBe(2)
})

test('takes so many connections from one address, and others when they have gone', async () => {
  const { front, address } = await start({ maxConnectionsPerAddress: 20 })
  const opened = await Promise.all(Array.from({ length: 20 }, () => openRaw(address)))
  await expect(openRaw(address)).rejects.toThrow()
  for (const raw of opened) expect(await raw.answersOrEnds()).toBe(true)
  for (const raw of opened) raw.socket.destroy()
  await expect.poll(() => front.metrics().connections).toBe(0)
  await clientOf(address).request(ping)
})

test('answers each of as many transmissions as a block holds, however many such blocks come', async () => {
  const { address } = await start()
  const raw = await openRaw(address)
  const most = 254
  const empty = new Uint8Array(1 + 2 * most)
  empty[0] = most
  const lie = empty.slice()
  lie[0] = 255
  const blocks = 100
  const before = memory()
  for (let i = 0; i < blocks; i++) raw.send(block(empty))
  raw.send(block(lie))
  await clientOf(address).request(ping)
  expect(await raw.answersOrEnds()).toBe(true)
  const errors = raw.responses.filter((one) => 'response' in one && one.response.tag === 'ERR')
  expect(errors).toHaveLength(blocks * most + 1)
  raw.responses.length = 0
  errors.length = 0
  expect(memory() - before).toBeLessThan(8_000_000)
})

test('lets 10,000 registrations of one client wait, and serves the others', async () => {
  const registrations = 60
  const clock = new ManualClock()
  const { front, server, address } = await start({}, { registrations, tokensNtf: 10_000 }, clock)
  const client = clientOf(address)
  await client.request(ping)
  const raw = await openRaw(address)
  const key = PrivateKey.generate('ed25519')
  const dhKey = PrivateKey.generate('x25519').publicKey
  for (let i = 0; i < 10_000; i++) {
    const token = new TextEncoder().encode(`device ${i}`)
    const tnew = { tag: 'TNEW', provider: 'AN', token, authKey: key.publicKey, dhKey } as const
    for (const content of raw.contents(tnew, key)) raw.send(block(content))
  }
  const registered = () => Object.values(server.metrics().tokens).reduce((sum, some) => sum + some, 0)
  await expect.poll(registered, { timeout: 20_000 }).toBe(registrations)
  expect(await stable(() => raw.responses.length)).toBeLessThan(2 * registrations)
  await client.request(ping)
  // That it has gone shows with the next answer.
  raw.socket.destroy()
  const turn = async () => {
    await clock.advance(60_000)
    return front.metrics().connections
  }
  await expect.poll(turn, { timeout: 20_000 }).toBe(1)
  await client.request(ping)
})
