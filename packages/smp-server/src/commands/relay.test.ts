import { createServer } from 'node:net'
import { box, PrivateKey, randomBytes, sign } from '@smpkit/crypto'
import { type Command, type ErrorType, errorTypeCode } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { connectSmp, createServerIdentity, listenSmp } from '@smpkit/smp-transport'
import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../clock.js'
import type { SmpServerOptions } from '../options.js'
import { startSmpServer } from '../server.js'
import { askForRelay, ProxiedClient } from '../testing/proxied.js'
import { rawTransmission } from '../testing/raw.js'
import { brief, TestClient } from '../testing/test-client.js'
import { asSender, createQueue, newCommand, publicAuthKey, sendCommand } from '../testing/test-queue.js'

const empty = new Uint8Array(0)
const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function start(options: SmpServerOptions = {}) {
  const server = await startSmpServer(options)
  cleanups.push(() => server.stop())
  return server
}

async function connect(address: ServerAddress): Promise<TestClient> {
  const client = new TestClient(await connectSmp(address))
  cleanups.push(() => client.close())
  return client
}

/** It accepts connections and says nothing. */
async function silentRelay() {
  const server = createServer((socket) => socket.on('error', () => {}).resume())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as { port: number }
  const address: ServerAddress = {
    hosts: [{ type: 'ipv4', text: '127.0.0.1' }],
    port: String(port),
    keyHash: randomBytes(32),
  }
  return { address, connected: new Promise((resolve) => server.once('connection', resolve)) }
}

async function setUp() {
  const [proxy, relay] = [await start(), await start()]
  const [sender, recipient] = [await connect(proxy.address), await connect(relay.address)]
  const queue = await createQueue(recipient)
  const proxied = await ProxiedClient.connect(sender, relay.address)
  /** An inner transmission that is sent as it is. */
  const raw = async (transmission: Uint8Array, corrId: Uint8Array, version?: number) =>
    proxied.send(corrId, [transmission], version)
  return { proxy, relay, sender, recipient, queue, proxied, raw }
}

describe('a relay', () => {
  const key = PrivateKey.generate('ed25519')
  const authKey = publicAuthKey(key)
  const dhKey = PrivateKey.generate('x25519').publicKey
  const refused: Command[] = [
    newCommand({}, { auth: authKey, dh: dhKey, ntf: null }),
    { tag: 'SUB' },
    { tag: 'KEY', senderKey: authKey },
    { tag: 'GET' },
    { tag: 'ACK', msgId: empty },
    { tag: 'DEL' },
    { tag: 'QUE' },
    { tag: 'NSUB' },
    { tag: 'PING' },
    {
      tag: 'PRXY',
      server: { hosts: [{ type: 'ipv4', text: '10.0.0.1' }], port: '', keyHash: randomBytes(32) },
      basicAuth: null,
    },
    { tag: 'PFWD', fwdVersion: 20, commandKey: dhKey, encTransmission: empty },
    { tag: 'RFWD', encFwdTransmission: empty },
  ]

  it('prohibits all inner commands but SEND, SKEY, LKEY, LGET and RSLV', async () => {
    const { proxied } = await setUp()
    for (const command of refused) {
      const withEntity = !['NEW', 'PING', 'PRXY', 'RFWD'].includes(command.tag)
      const unsigned = ['PING', 'PRXY', 'PFWD', 'RFWD'].includes(command.tag)
      const credentials = { entityId: withEntity ? randomBytes(24) : empty, key: unsigned ? null : key }
      expect([command.tag, brief(await proxied.request(command, credentials))]).toEqual([
        command.tag,
        'ERR CMD PROHIBITED',
      ])
    }
  })

  it('answers inner errors inside', async () => {
    const { proxied, raw } = await setUp()
    const entityId = randomBytes(24)
    expect(brief(await proxied.request(sendCommand('x'), { entityId }))).toBe('ERR AUTH')
    expect(brief(await proxied.request(sendCommand('x'), { entityId, key }))).toBe('ERR AUTH')
    expect(brief(await proxied.request({ tag: 'LGET' }, { entityId }))).toBe('ERR AUTH')
    expect(brief(await proxied.request({ tag: 'SKEY', senderKey: authKey }, { entityId, key }))).toBe('ERR AUTH')
    const answer = async (command: string, id: Uint8Array = empty) => {
      const corrId = randomBytes(24)
      return brief(await raw(rawTransmission(20, { corrId, entityId: id, command }), corrId))
    }
    expect(await answer('WHAT')).toBe('ERR CMD UNKNOWN')
    expect(await answer('RSLV alice')).toBe('ERR CMD SYNTAX')
    expect(await answer('RSLV a.simplex', entityId)).toBe('ERR CMD HAS_AUTH')
    expect(await answer('SEND F x')).toBe('ERR CMD NO_ENTITY')
    expect(await answer('LGET')).toBe('ERR CMD NO_ENTITY')
    expect(await answer('SKEY', entityId)).toBe('ERR CMD SYNTAX')
  })

  it.each([14, 15, 16, 17, 18, 19, 20])('takes inner commands of version %i', async (version) => {
    const { queue, proxied, raw, recipient } = await setUp()
    const entityId = queue.senderId
    const skey = { tag: 'SKEY', senderKey: authKey } as const
    expect(await proxied.request(skey, asSender(queue, key))).toEqual({ tag: 'OK' })
    const corrId = randomBytes(24)
    const { sessionId } = proxied.relay
    const text = new TextEncoder().encode('SEND T hello')
    const authorized = Uint8Array.of(sessionId.length, ...sessionId, 24, ...corrId, 24, ...entityId, ...text)
    const auth = sign(key, authorized)
    const send = rawTransmission(version, { auth, corrId, entityId, command: 'SEND T hello' })
    expect(await raw(send, corrId, version)).toEqual({ tag: 'OK' })
    expect(brief(await recipient.request({ tag: 'GET' }, { entityId: queue.recipientId, key: queue.key }))).toBe('MSG')
    const rslv = rawTransmission(version, { corrId, command: 'RSLV a.simplex' })
    expect(brief(await raw(rslv, corrId, version))).toBe('ERR NAME NO_RESOLVER')
  })

  it('refuses an answer that does not fit the inner block', async () => {
    const { proxied, recipient } = await setUp()
    const queue = await createQueue(recipient, { queueReq: { mode: 'contact', link: null } })
    const lset = (length: number, linkId: Uint8Array) => {
      const data = { fixedData: new Uint8Array(2048), userData: new Uint8Array(length) }
      return recipient.request({ tag: 'LSET', linkId, ...data }, { entityId: queue.recipientId, key: queue.key })
    }
    const linkId = randomBytes(24)
    expect(await lset(13_824, linkId)).toEqual({ tag: 'OK' })
    expect(brief(await proxied.request({ tag: 'LGET' }, { entityId: linkId }))).toBe('LNK')
    expect(await lset(14_150, linkId)).toEqual({ tag: 'OK' })
    expect(brief(await recipient.request({ tag: 'LGET' }, { entityId: linkId }))).toBe('LNK')
    await expect(proxied.request({ tag: 'LGET' }, { entityId: linkId })).rejects.toThrow('ERR PROXY PROTOCOL BLOCK')
  })

  it('must not be given a signature of a service inside', async () => {
    const { queue, raw } = await setUp()
    const corrId = randomBytes(24)
    const signature = new Uint8Array(64)
    const options = { auth: signature, serviceSignature: signature, corrId, entityId: queue.senderId }
    expect(brief(await raw(rawTransmission(20, { ...options, command: 'SEND T x' }), corrId))).toBe('ERR SERVICE')
  })

  it.each([
    [17, null],
    [18, { ttl: 60 }],
  ])('tells inner version %i of a blocked queue with the notice %j', async (version, notice) => {
    const { relay, queue, proxied } = await setUp()
    relay.block(queue.recipientId, { reason: 'spam', notice: { ttl: 60 } })
    const corrId = randomBytes(24)
    const inner = proxied.transmission({ command: sendCommand('x'), ...asSender(queue), corrId })
    expect(await proxied.send(corrId, [inner], version)).toEqual({
      tag: 'ERR',
      error: { code: 'BLOCKED', reason: 'spam', notice },
    })
  })

  it('refuses RFWD whose inner key gives no secret, as one that cannot be opened', async () => {
    const relay = await start()
    const client = await connect(relay.address)
    const corrId = randomBytes(24)
    const lowOrder = Uint8Array.of(
      ...PrivateKey.generate('x25519').publicKey.toDer().subarray(0, 12),
      ...new Uint8Array(32),
    )
    const fwd = Uint8Array.of(24, ...randomBytes(24), 0, 20, lowOrder.length, ...lowOrder, ...randomBytes(100))
    const encFwdTransmission = box(client.session.sessionSecret, corrId, fwd)
    expect(brief(await client.request({ tag: 'RFWD', encFwdTransmission }, { corrId }))).toBe('ERR CRYPTO')
  })

  it('does not disturb other commands of its proxy', async () => {
    const relay = await start()
    const client = await connect(relay.address)
    const queue = await createQueue(client, { subMode: 'subscribe' })
    expect(brief(await client.request({ tag: 'RFWD', encFwdTransmission: randomBytes(16_330) }))).toBe('ERR CRYPTO')
    expect(await client.request(sendCommand('x'), asSender(queue))).toEqual({ tag: 'OK' })
    expect(brief((await client.event()).message)).toBe('MSG')
  })
})

describe('a proxy', () => {
  it.each([
    [
      { min: 6, max: 30 },
      { min: 8, max: 20 },
    ],
    [
      { min: 14, max: 16 },
      { min: 14, max: 16 },
    ],
    [
      { min: 18, max: 25 },
      { min: 18, max: 20 },
    ],
  ])('offers of a relay of versions %j only %j', async (versionRange, expected) => {
    const proxy = await start()
    const socket = await listenSmp({
      identity: createServerIdentity(),
      host: '127.0.0.1',
      versionRange,
      onConnection: () => {},
    })
    cleanups.push(() => socket.close())
    expect(await askForRelay(await connect(proxy.address), socket.address())).toMatchObject({ versionRange: expected })
  })

  it('gives session id, certificates and key of its connection to the relay', async () => {
    const [proxy, relay] = [await start(), await start()]
    const answer = await askForRelay(await connect(proxy.address), relay.address)
    if (answer.tag !== 'PKEY') throw new Error(`expected PKEY, got ${brief(answer)}`)
    expect(answer.sessionId).toHaveLength(32)
    expect(answer.certChain).toEqual(relay.identity.certChain)
    expect(await askForRelay(await connect(proxy.address), relay.address)).toEqual(answer)
  })

  it('tries a relay again when the clock was set back', async () => {
    const clock = new ManualClock()
    const [proxy, relay] = [await start({ clock }), await start()]
    const client = await connect(proxy.address)
    const { port } = relay
    const state = await relay.stop()
    expect(brief(await askForRelay(client, relay.address))).toBe('ERR PROXY BROKER NETWORK FAILED')
    await start({ port, state })
    const earlier = clock.now() - 3_600_000
    clock.now = () => earlier
    expect(brief(await askForRelay(client, relay.address))).toBe('PKEY')
  })

  it('that stops while it connects does not wait for a relay that says nothing', async () => {
    const silent = await silentRelay()
    const errors: unknown[] = []
    const proxy = await start({
      onError: (error) => errors.push(error),
      proxy: { connect: { connectTimeout: 600_000 } },
    })
    const client = await connect(proxy.address)
    void askForRelay(client, silent.address)
    await silent.connected
    await proxy.stop()
    expect(errors).toEqual([])
  })

  it('answers other commands while it waits for a relay', async () => {
    const silent = await silentRelay()
    const proxy = await start({ proxy: { connect: { connectTimeout: 600_000 } } })
    const client = await connect(proxy.address)
    void askForRelay(client, silent.address)
    for (let i = 0; i < 5; i++) expect(await client.request({ tag: 'PING' })).toEqual({ tag: 'PONG' })
  })

  it('echoes the entity in errors of PFWD', async () => {
    const proxy = await start()
    const client = await connect(proxy.address)
    const [corrId, entityId] = [randomBytes(24), randomBytes(32)]
    const commandKey = PrivateKey.generate('x25519').publicKey
    const answer = client.answer(corrId)
    const command = { tag: 'PFWD', fwdVersion: 20, commandKey, encTransmission: empty } as const
    await client.send([client.transmission({ command, corrId, entityId })])
    const received = await answer
    expect(received.entityId).toEqual(entityId)
    const { error } = received.message as { error: ErrorType }
    expect(errorTypeCode(error)).toBe('PROXY NO_SESSION')
  })
})
