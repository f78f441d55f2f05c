// What the peer of a connection can send, which has all of its keys.
import { find, get } from '@smpkit/agent-store'
import { concat, encode } from '@smpkit/encoding'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AgentMessage, agentMessage, type InnerMessage } from './agent-message.js'
import { type ConnectionId, idFromText } from './connection-id.js'
import { type Forger, useForgers } from './testing/forger.js'
import { bytes, connectByInvitation, type User, useUsers } from './testing/users.js'

let server: SmpServer
let alice: User
let bob: User
let a: ConnectionId
let b: ConnectionId
let forger: Forger
const users = useUsers(() => ({ servers: [server.addressText] }))
const forgerOf = useForgers()
beforeAll(async () => {
  server = await startSmpServer()
  alice = await users.create()
  bob = await users.create()
  const ends = await connectByInvitation(alice, bob)
  a = ends[0]
  b = ends[1]
  forger = forgerOf(alice, a)
})
afterAll(async () => {
  await server.stop()
})

const hash = new Uint8Array(32)
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const message = (inner: InnerMessage, sndMsgId = 5n): AgentMessage => ({
  type: 'message',
  sndMsgId,
  prevMsgHash: hash,
  message: inner,
})
/** An `M` around what need not be an inner message. */
const around = (inner: Uint8Array) => {
  const whole = encode(agentMessage, message({ type: 'msg', body: new Uint8Array(0) }))
  return concat(whole.subarray(0, -1), inner)
}

/** A message of Alice comes, whatever was before it; the events until then. */
async function untilGood(): Promise<string[]> {
  await alice.agent.send(a, bytes('good'))
  const events: string[] = []
  for (;;) {
    const event = await bob.next()
    await event.ack()
    if (event.type === 'message' && new TextDecoder().decode(event.body) === 'good') return events
    if (event.type === 'error') events.push(event.code)
    else events.push(event.type === 'synchronization' ? event.state : event.type)
  }
}

async function bobsRows() {
  const connId = idFromText(b)
  return await bob.store.read({
    connection: get('connections', { connId }),
    ratchet: get('ratchets', { connId }),
    skipped: find('skippedKeys', 'byConnection', { connId }),
    sending: find('deliveries', 'byConnection', { connId }),
    queues: find('receiveQueues', 'byConnection', { connId }),
    sendQueues: find('sendQueues', 'byConnection', { connId }),
  })
}

const queue = { hosts: [{ type: 'domain' as const, text: 'smp.example.com' }], port: '', keyHash: hash }

describe('outside the ratchet, a message', () => {
  it.each<[string, (forger: Forger) => Promise<void>, string[]]>([
    ['of two bytes', (forger) => forger.send(new Uint8Array(2)), ['A_MESSAGE']],
    ['of a later version', (forger) => forger.send(concat(new Uint8Array([0, 5, 0x30]), random(100))), ['A_VERSION']],
    [
      'that is not encrypted for the queue',
      (forger) => forger.send(concat(new Uint8Array([0, 4, 0x30]), random(16_000))),
      ['A_CRYPTO', 'allowed', 'ok'],
    ],
    ['without a private header', (forger) => forger.sendInside(bytes('x')), ['A_MESSAGE']],
    ['with an empty one', (forger) => forger.sendInside(bytes('_')), ['A_MESSAGE']],
    [
      'of an unknown type',
      (forger) => forger.sendInside(concat(bytes('_'), new Uint8Array([0, 7, 0x58]))),
      ['A_MESSAGE'],
    ],
    [
      'that is a confirmation without a key',
      (forger) =>
        forger.sendEnvelope({ agentVersion: 7, type: 'confirmation', e2eParams: null, encConnInfo: random(500) }),
      ['A_PROHIBITED'],
    ],
  ])('%s is refused and changes nothing', async (_name, send, events) => {
    const { ratchet, queues } = await bobsRows()
    await send(forger)
    for (const expected of events.filter((event) => event !== 'ok')) {
      const event = await bob.next()
      await event.ack()
      expect('code' in event ? event.code : 'state' in event && event.state).toBe(expected)
    }
    const after = await bobsRows()
    expect(after.ratchet).toEqual(ratchet)
    expect(after.queues).toEqual(queues)
    expect(await untilGood()).toEqual(events.filter((event) => event === 'ok'))
  })
})

describe('for the ratchet, a message', () => {
  const send = (encAgentMessage: Uint8Array, agentVersion = 7) =>
    forger.sendEnvelope({ agentVersion, type: 'message', encAgentMessage })

  it.each<[string, () => Uint8Array, string[]]>([
    ['of no bytes', () => new Uint8Array(0), ['A_MESSAGE']],
    ['of random bytes', () => concat(new Uint8Array([0, 1]), random(1000)), ['A_MESSAGE']],
  ])('%s is refused', async (_name, make, events) => {
    await send(make())
    expect(await untilGood()).toEqual(events)
  })

  it('of another ratchet asks for synchronization, until one of this ratchet comes', async () => {
    await send(await forgerOf(bob, b).encrypt(bytes('x')))
    expect(await untilGood()).toEqual(['RATCHET_HEADER', 'required', 'ok'])
  })

  it('with a changed body uses up its key', async () => {
    const changed = await forger.encrypt(encode(agentMessage, message({ type: 'hello' })))
    const good = changed.slice()
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
    await send(changed)
    await send(good)
    expect(await untilGood()).toEqual(['DECRYPT_AES', 'allowed', 'A_DUPLICATE', 'ok'])
  })

  it('that comes again is nothing, whatever its version says', async () => {
    const encrypted = await forger.encrypt(encode(agentMessage, message({ type: 'msg', body: bytes('twice') }, 10n)))
    for (const version of [7, 7, 2, 65_535]) await send(encrypted, version)
    expect(await untilGood()).toEqual(['message'])
    expect((await bobsRows()).connection?.agentVersion).toBe(7)
  })

  it('may skip 512 others, and these may still come', async () => {
    const first = await forger.encrypt(encode(agentMessage, message({ type: 'msg', body: bytes('first') })))
    for (let i = 1; i < 512; i++) await forger.encrypt(bytes('never sent'))
    expect(await untilGood()).toEqual([])
    expect((await bobsRows()).skipped.length).toBe(512)
    await send(first)
    expect(await untilGood()).toEqual(['message'])
    expect((await bobsRows()).skipped.length).toBe(511)
  })

  it('may not skip 513, which ends in new ratchets', async () => {
    for (let i = 0; i < 513; i++) await forger.encrypt(bytes('never sent'))
    await forger.sendMessage(message({ type: 'msg', body: bytes('too late') }))
    expect(await bob.taken('error')).toMatchObject({ code: 'RATCHET_SKIPPED' })
    expect(await bob.taken('synchronization')).toMatchObject({ state: 'required' })
    await bob.agent.synchronize(b)
    for (const state of ['started', 'agreed', 'ok']) expect(await bob.taken('synchronization')).toMatchObject({ state })
    for (const state of ['agreed', 'ok']) expect(await alice.found('synchronization', 'sent')).toMatchObject({ state })
    expect((await bobsRows()).skipped).toEqual([])
    expect(await untilGood()).toEqual([])
  })
})

describe('inside the ratchet, a message', () => {
  it.each<[string, () => Uint8Array, string[]]>([
    ['of no bytes', () => new Uint8Array(0), ['A_MESSAGE']],
    ['of random bytes', () => concat(bytes('!'), random(100)), ['A_MESSAGE']],
    ['that is of a confirmation', () => bytes('Iinfo'), ['A_PROHIBITED']],
    ['that is of a re-synchronization', () => bytes('R'), ['A_PROHIBITED']],
    ['of an unknown type', () => around(bytes('X')), ['A_MESSAGE']],
    ['with more than it may have', () => around(bytes('Hello')), ['A_MESSAGE']],
    ['with an empty list', () => around(bytes('V\0')), ['A_MESSAGE']],
    ['with a list that is cut', () => around(concat(bytes('V'), new Uint8Array([255]), random(20))), ['A_MESSAGE']],
    ['HELLO after the connection was made', () => around(bytes('H')), ['A_PROHIBITED']],
    [
      'about room in a queue that is not there',
      () => encode(agentMessage, message({ type: 'queueContinue', address: { server: queue, senderId: random(24) } })),
      ['A_QUEUE'],
    ],
    [
      'that its ratchet is ready',
      () => encode(agentMessage, message({ type: 'ratchetReady', lastDecryptedId: -1n })),
      [],
    ],
    [
      'with the lowest id',
      () => encode(agentMessage, message({ type: 'msg', body: bytes('x') }, -(2n ** 63n))),
      ['message'],
    ],
    [
      'with the highest id',
      () => encode(agentMessage, message({ type: 'msg', body: bytes('x') }, 2n ** 63n - 1n)),
      ['message'],
    ],
    [
      'with a hash of another length',
      () =>
        encode(agentMessage, {
          type: 'message',
          sndMsgId: 1n,
          prevMsgHash: random(5),
          message: { type: 'msg', body: bytes('') },
        }),
      ['message'],
    ],
  ])('%s leaves the connection as good as it was', async (_name, make, events) => {
    await forger.sendPlaintext(make())
    const found = await untilGood()
    expect(found).toEqual(events)
    const { connection, sending, sendQueues, queues } = await bobsRows()
    expect(connection?.synchronization).toBe('ok')
    expect(sending).toEqual([])
    expect([queues.length, sendQueues.length]).toEqual([1, 1])
    await bob.agent.send(b, bytes('answer'))
    await bob.taken('sent')
    expect(await alice.messages(1)).toEqual(['answer'])
  })
})

it('random bytes at each layer come to nothing but events of errors', async () => {
  const layers = [
    (content: Uint8Array) => forger.send(content),
    (content: Uint8Array) => forger.sendInside(content),
    (content: Uint8Array) => forger.sendInside(concat(bytes('_'), content)),
    (content: Uint8Array) => forger.sendEnvelope({ agentVersion: 7, type: 'message', encAgentMessage: content }),
    (content: Uint8Array) => forger.sendPlaintext(content),
    (content: Uint8Array) => forger.sendPlaintext(around(content)),
  ]
  const known = ['A_MESSAGE', 'A_PROHIBITED', 'A_VERSION', 'A_CRYPTO', 'A_QUEUE', 'RATCHET_HEADER']
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...layers),
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      async (send, content) => {
        await send(content)
        const events = await untilGood()
        for (const event of events) expect([...known, 'message', 'allowed', 'required', 'ok']).toContain(event)
      },
    ),
    { numRuns: 60 },
  )
})
