import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PrivateKey } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { NtfClient, type NtfCommand, type NtfVersion, ntfBlockSize } from '@smpkit/ntf-protocol'
import { createServerIdentity } from '@smpkit/smp-transport'
import { expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '../memory-store.js'
import { createNotificationServer } from '../server.js'
import { FakeProvider, FakeSubscriber } from '../testing/fakes.js'
import { block, hello, openRaw, openTls, type RawNtf } from '../testing/raw-ntf.js'
import { address } from '../testing/setup.js'
import { ntfDoor } from './door.js'

const blocks = 5000
const perSession = 100
/** What the heap may grow by from the first part of the blocks to the last, in bytes. */
const mostGrowth = 8_000_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** The same numbers in each run, so that what it finds can be found again. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}
const random = generator(20_261_125)

const noise = (): Uint8Array => Uint8Array.from({ length: ntfBlockSize }, () => random(256))

/** One to three bytes changed, or a piece cut out. */
function mutated(valid: Uint8Array): Uint8Array {
  const bytes = Array.from(valid)
  for (let changes = 1 + random(3); changes > 0; changes--) {
    if (random(4) > 0) bytes[random(bytes.length)] = random(256)
    else bytes.splice(random(bytes.length), random(8))
  }
  return Uint8Array.from(bytes)
}

const none: Uint8Array = new Uint8Array(0)
const key = PrivateKey.generate('ed25519')
const dhKey = PrivateKey.generate('x25519').publicKey
const token = new TextEncoder().encode('abcd')

/** What the server has told of its ids, and the code that it has pushed. */
interface Known {
  tokenId: Uint8Array
  code: Uint8Array
  subscriptionId: Uint8Array
}

/** One that makes sense, mostly. */
function anyCommand({ tokenId, code, subscriptionId }: Known): { command: NtfCommand; entityId: Uint8Array } {
  const notifierId = new Uint8Array(24).fill(random(50))
  const commands: readonly { command: NtfCommand; entityId: Uint8Array }[] = [
    { command: { tag: 'TNEW', provider: 'AN', token, authKey: key.publicKey, dhKey }, entityId: none },
    { command: { tag: 'TVFY', code }, entityId: tokenId },
    { command: { tag: 'TCHK' }, entityId: tokenId },
    { command: { tag: 'TRPL', provider: 'AN', token }, entityId: tokenId },
    { command: { tag: 'TCRN', minutes: 20 }, entityId: tokenId },
    { command: { tag: 'SNEW', tokenId, server: address(), notifierId, notifierKey: key }, entityId: none },
    { command: { tag: 'SCHK' }, entityId: subscriptionId },
    { command: { tag: 'SDEL' }, entityId: subscriptionId },
    { command: { tag: 'PING' }, entityId: none },
    // Seldom, as nothing can be done after it.
    random(8) > 0 ? { command: { tag: 'TCHK' }, entityId: tokenId } : { command: { tag: 'TDEL' }, entityId: tokenId },
  ]
  return commands[random(commands.length)] as (typeof commands)[number]
}

/** A block of 512 bytes: nonsense, a command with changes, or one without, whose length may be a lie. */
function nextBlock(client: RawNtf, known: Known): Uint8Array {
  if (random(4) === 0) return noise()
  const { command, entityId } = anyCommand(known)
  const [content = none] = client.contents(command, command.tag === 'PING' ? null : key, entityId)
  const bytes = block(random(4) === 0 ? content : mutated(content))
  if (random(16) === 0) bytes[random(2)] = random(256)
  return bytes
}

function heap(): number {
  collect()
  return process.memoryUsage().heapUsed
}

test(`answers, or ends, connections in which ${blocks} random and mutated blocks come, and serves all others`, async () => {
  const front = ntfDoor({ identity: createServerIdentity(), host: '127.0.0.1', port: 0 })
  const store = memoryStore()
  await using server = await createNotificationServer({
    subscriber: new FakeSubscriber(),
    store,
    providers: [new FakeProvider('apns_null')],
    doors: [front],
    limits: { registrations: 100_000 },
  })
  const serverAddress = front.address()
  const other = new NtfClient(serverAddress)
  onTestFinished(() => other.close())

  let isOver = false
  let served = 0
  const bystander = (async () => {
    for (; !isOver; served++) await other.request({ command: { tag: 'PING' }, key: null })
  })()

  let answered = 0
  const known: Known = { tokenId: new Uint8Array(24), code: new Uint8Array(32), subscriptionId: new Uint8Array(24) }
  const told = new Set<string>()
  const heaps: number[] = []
  for (let sent = 0; sent < blocks; sent += perSession) {
    // Some do not get as far as a command.
    const early = await openTls(serverAddress)
    early.end(random(2) ? noise() : mutated(hello(serverAddress, 3)).subarray(0, ntfBlockSize))
    early.resume()
    await new Promise<void>((resolve) => (early.closed ? resolve() : early.once('close', () => resolve())))

    const client = await openRaw(serverAddress, (random(2) ? 3 : 1) as NtfVersion)
    for (let i = 0; i < perSession; i++) client.send(nextBlock(client, known))
    if (await client.answersOrEnds()) answered++
    client.socket.destroy()
    for (const one of client.responses) {
      if (!('response' in one)) continue
      told.add(one.response.tag)
      if (one.response.tag === 'IDTKN') known.tokenId = one.response.tokenId
      if (one.response.tag === 'IDSUB') known.subscriptionId = one.response.subscriptionId
    }
    const { tokens } = await store.read({ tokens: { id: [toBase64url(known.tokenId)] } })
    known.code = tokens[0]?.code ?? known.code
    if ((sent / perSession) % 10 === 9) heaps.push(heap())
  }
  isOver = true
  await bystander

  // Whatever comes in blocks is answered; nothing of it ends a connection.
  expect(answered).toBe(blocks / perSession)
  expect(served).toBeGreaterThan(blocks / perSession)
  expect([...told].sort()).toEqual(['ERR', 'IDSUB', 'IDTKN', 'OK', 'PONG', 'SUB', 'TKN'])
  const { errors } = front.metrics()
  expect(errors).toMatchObject({ BLOCK: expect.any(Number), CMD: expect.any(Number), AUTH: expect.any(Number) })
  expect(errors).not.toHaveProperty('INTERNAL')
  expect((heaps.at(-1) as number) - (heaps[0] as number)).toBeLessThan(mostGrowth)
  // Only the one that was served is left, and nothing waits.
  await expect.poll(() => front.metrics().connections).toBe(1)
  expect(server.metrics().backlog).toBe(0)
})
