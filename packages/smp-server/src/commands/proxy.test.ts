import { box, PrivateKey, randomBytes, senderIdOf } from '@smpkit/crypto'
import { packBlock, parseBlock, parseTransmission, plainTransmission, type SmpVersion } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { connectSmp, createServerIdentity, type ListenOptions, listenSmp } from '@smpkit/smp-transport'
import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../clock.js'
import type { SmpServerOptions } from '../options.js'
import { startSmpServer } from '../server.js'
import { askForRelay, ProxiedClient } from '../testing/proxied.js'
import { brief, TestClient } from '../testing/test-client.js'
import { asSender, createQueue, publicAuthKey, sendCommand, type TestQueue, textOf } from '../testing/test-queue.js'

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

/** A proxy, a relay with a queue, and a sender who knows the relay only by the proxy. */
async function setUp(options: SmpServerOptions = {}, relayOptions: SmpServerOptions = {}) {
  const [proxy, relay] = [await start(options), await start(relayOptions)]
  const [sender, recipient] = [await connect(proxy.address), await connect(relay.address)]
  const queue = await createQueue(recipient, { subMode: 'subscribe' })
  return { proxy, relay, sender, recipient, queue, proxied: await ProxiedClient.connect(sender, relay.address) }
}

type Answer = (corrId: Uint8Array) => readonly Uint8Array[]

/** A relay that answers as it is told. */
async function fakeRelay(answer: Answer, options: Partial<ListenOptions> = {}) {
  const received: Uint8Array[] = []
  let send: (corrId: Uint8Array) => Promise<void> = async () => {}
  const socket = await listenSmp({
    identity: createServerIdentity(),
    host: '127.0.0.1',
    ...options,
    async onConnection(connection) {
      send = async (corrId) => {
        for (const bytes of answer(corrId)) await connection.send(bytes)
      }
      for await (const block of connection) {
        for (const bytes of parseBlock(block)) {
          const { corrId } = parseTransmission(20 as SmpVersion, bytes)
          received.push(new Uint8Array(corrId))
          await send(corrId)
        }
      }
    },
  })
  cleanups.push(() => socket.close())
  return {
    address: socket.address(),
    received,
    close: () => socket.close(),
    answerNow: (corrId: Uint8Array) => send(corrId),
  }
}

const saying =
  (text: string): Answer =>
  (corrId) => [packBlock([plainTransmission(corrId, new Uint8Array(), (w) => w.utf8(text))])]

describe('through a proxy', () => {
  it('a message arrives at the relay', async () => {
    const { proxied, recipient, queue, proxy } = await setUp()
    const key = PrivateKey.generate('ed25519')
    const skey = { tag: 'SKEY', senderKey: publicAuthKey(key) } as const
    expect(await proxied.request(skey, asSender(queue, key))).toEqual({ tag: 'OK' })
    expect(brief(await proxied.request(sendCommand('x'), asSender(queue)))).toBe('ERR AUTH')
    expect(await proxied.request(sendCommand('hello'), asSender(queue, key))).toEqual({ tag: 'OK' })
    expect(textOf(queue, (await recipient.event()).message)).toBe('hello')
    expect(proxy.statistics().relays).toBe(1)
  })

  it('a key can authorize with an authenticator of the relay', async () => {
    const { proxied, queue } = await setUp()
    const key = PrivateKey.generate('x25519')
    const skey = { tag: 'SKEY', senderKey: publicAuthKey(key) } as const
    expect(await proxied.request(skey, asSender(queue, key))).toEqual({ tag: 'OK' })
    const body = 'x'.repeat(16048)
    expect(await proxied.request(sendCommand(body), asSender(queue, key))).toEqual({ tag: 'OK' })
  })

  it('links can be used', async () => {
    const { proxied, recipient } = await setUp()
    const data = { fixedData: new Uint8Array(2048), userData: new Uint8Array(13824) }
    const make = async (mode: 'messaging' | 'contact'): Promise<TestQueue> => {
      const corrId = randomBytes(24)
      const link = { ...data, senderId: senderIdOf(corrId), linkId: randomBytes(24) }
      return createQueue(recipient, { corrId, queueReq: { mode, link } })
    }
    const contact = await make('contact')
    const link = { tag: 'LNK', senderId: contact.senderId, ...data }
    expect(await proxied.request({ tag: 'LGET' }, { entityId: contact.ids.linkId as Uint8Array })).toEqual(link)
    const invitation = await make('messaging')
    const key = PrivateKey.generate('ed25519')
    const lkey = { tag: 'LKEY', senderKey: publicAuthKey(key) } as const
    const answer = await proxied.request(lkey, { entityId: invitation.ids.linkId as Uint8Array, key })
    expect(answer).toEqual({ ...link, senderId: invitation.senderId })
  })

  it('a name is not resolved, and other commands are prohibited', async () => {
    const { proxied, queue } = await setUp()
    expect(brief(await proxied.request({ tag: 'RSLV', name: 'a.simplex' }))).toBe('ERR NAME NO_RESOLVER')
    const recipient = { entityId: queue.recipientId, key: queue.key }
    expect(brief(await proxied.request({ tag: 'SUB' }, recipient))).toBe('ERR CMD PROHIBITED')
    expect(brief(await proxied.request({ tag: 'PING' }))).toBe('ERR CMD PROHIBITED')
  })

  it('the relay refuses blocks of another number than one, and what it cannot open', async () => {
    const { proxied, queue } = await setUp()
    const one = () => proxied.transmission({ command: sendCommand('x'), ...asSender(queue) })
    await expect(proxied.send(randomBytes(24), [one(), one()])).rejects.toThrow('ERR PROXY PROTOCOL BLOCK')
    const short = proxied.send(randomBytes(24), [one()], 20, (sealed) => sealed.subarray(0, 15))
    await expect(short).rejects.toThrow('ERR PROXY PROTOCOL CRYPTO')
    const changed = proxied.send(randomBytes(24), [one()], 20, (sealed) => sealed.map((byte) => byte ^ 1))
    await expect(changed).rejects.toThrow('ERR PROXY PROTOCOL CRYPTO')
    const large = proxied.send(randomBytes(24), [one()], 20, (sealed) => Uint8Array.of(...sealed, 0))
    await expect(large).rejects.toThrow('ERR LARGE_MSG')
  })

  it('the relay refuses versions that it does not speak', async () => {
    const { proxied, queue } = await setUp()
    const inner = [proxied.transmission({ command: sendCommand('x'), ...asSender(queue) })]
    const refused = 'ERR PROXY PROTOCOL PROXY BROKER TRANSPORT VERSION'
    for (const version of [13, 21]) await expect(proxied.send(randomBytes(24), inner, version)).rejects.toThrow(refused)
  })

  it('all clients share one connection to a relay', async () => {
    const { proxy, relay } = await setUp()
    const before = relay.statistics().connections
    await Promise.all(
      Array.from({ length: 5 }, async () => ProxiedClient.connect(await connect(proxy.address), relay.address)),
    )
    expect(relay.statistics().connections).toBe(before)
  })
})

describe('PRXY', () => {
  it.each([
    ['secret', 'PKEY'],
    ['wrong', 'ERR PROXY BASIC_AUTH'],
    [null, 'ERR PROXY BASIC_AUTH'],
  ])('on a proxy with a password and given %s is answered %s', async (given, expected) => {
    const [proxy, relay] = [await start({ password: 'secret' }), await start()]
    expect(brief(await askForRelay(await connect(proxy.address), relay.address, given))).toBe(expected)
  })

  it('is refused where there is no proxy', async () => {
    const proxy = await start({ proxy: { enabled: false } })
    expect(brief(await askForRelay(await connect(proxy.address), proxy.address))).toBe('ERR PROXY BASIC_AUTH')
  })

  it('tells a relay that is not there, and does not try again for 30 seconds', async () => {
    const clock = new ManualClock()
    const [proxy, relay] = [await start({ clock }), await start()]
    const client = await connect(proxy.address)
    const { port } = relay
    const state = await relay.stop()
    expect(brief(await askForRelay(client, relay.address))).toBe('ERR PROXY BROKER NETWORK FAILED')
    await start({ port, state })
    clock.advance(29_999)
    expect(brief(await askForRelay(client, relay.address))).toBe('ERR PROXY BROKER NETWORK FAILED')
    clock.advance(1)
    expect(brief(await askForRelay(client, relay.address))).toBe('PKEY')
  })

  it('tells a relay of another fingerprint as one that is not there', async () => {
    const [proxy, relay] = [await start(), await start()]
    const address = { ...relay.address, keyHash: randomBytes(32) }
    expect(brief(await askForRelay(await connect(proxy.address), address))).toBe('ERR PROXY BROKER NETWORK FAILED')
  })

  it.each([
    ['of a private network', { hosts: [{ type: 'ipv4', text: '10.1.2.3' }], port: '5223' }],
    ['that cannot be reached without another proxy', { hosts: [{ type: 'onion', text: 'abc.onion' }], port: '' }],
    ['with an impossible port', { hosts: [{ type: 'ipv4', text: '127.0.0.1' }], port: '70000' }],
  ] as const)('refuses an address %s', async (_, address) => {
    const proxy = await start()
    const answer = await askForRelay(await connect(proxy.address), { ...address, keyHash: randomBytes(32) })
    expect(brief(answer)).toBe('ERR PROXY BROKER HOST')
  })

  it('refuses loopback if the operator says so, without connecting', async () => {
    const [proxy, relay] = [await start({ proxy: { allowAddress: () => false } }), await start()]
    expect(brief(await askForRelay(await connect(proxy.address), relay.address))).toBe('ERR PROXY BROKER HOST')
    expect(relay.statistics().connections).toBe(0)
  })

  it('tells a relay of old versions', async () => {
    const [proxy, old] = [await start(), await fakeRelay(() => [], { versionRange: { min: 6, max: 13 } })]
    const answer = await askForRelay(await connect(proxy.address), old.address)
    expect(brief(answer)).toBe('ERR PROXY BROKER TRANSPORT VERSION')
  })

  it('offers what relay and protocol allow', async () => {
    const [proxy, relay] = [await start(), await start({ versionRange: { min: 14, max: 18 } })]
    const answer = await askForRelay(await connect(proxy.address), relay.address)
    expect(answer).toMatchObject({ versionRange: { min: 14, max: 18 } })
  })

  it('keeps a limited number of relays, those that are used', async () => {
    const proxy = await start({ proxy: { maxRelays: 2 } })
    const relays = [await start(), await start(), await start()] as const
    const client = await connect(proxy.address)
    const first = await ProxiedClient.connect(client, relays[0].address)
    const second = await ProxiedClient.connect(client, relays[1].address)
    await ProxiedClient.connect(client, relays[0].address)
    await ProxiedClient.connect(client, relays[2].address)
    expect(proxy.statistics().relays).toBe(2)
    expect(brief(await first.request({ tag: 'PING' }))).toBe('ERR CMD PROHIBITED')
    await expect(second.request({ tag: 'PING' })).rejects.toThrow('ERR PROXY NO_SESSION')
  })
})

describe('PFWD', () => {
  it('of an unknown session is refused', async () => {
    const { sender, queue, relay } = await setUp()
    const command = {
      tag: 'PFWD',
      fwdVersion: 20,
      commandKey: PrivateKey.generate('x25519').publicKey,
      encTransmission: new Uint8Array(100),
    } as const
    expect(brief(await sender.request(command, { entityId: randomBytes(32) }))).toBe('ERR PROXY NO_SESSION')
    expect(relay.statistics().messages).toBe(0)
    expect(queue.senderId).toHaveLength(24)
  })

  it('to a relay that has gone is refused', async () => {
    const { proxied, relay, proxy } = await setUp()
    await relay.stop()
    await expect.poll(() => proxy.statistics().relays).toBe(0)
    await expect(proxied.request({ tag: 'PING' })).rejects.toThrow('ERR PROXY NO_SESSION')
  })

  it('to a relay that goes in the middle is answered', async () => {
    const proxy = await start()
    const relay = await fakeRelay(() => [])
    const proxied = await ProxiedClient.connect(await connect(proxy.address), relay.address)
    const answer = proxied.request({ tag: 'PING' })
    const refused = expect(answer).rejects.toThrow('ERR PROXY BROKER NETWORK FAILED')
    await expect.poll(() => relay.received.length).toBe(1)
    await relay.close()
    await refused
  })

  it.each([
    ['nothing', (() => []) as Answer, 'ERR PROXY BROKER TIMEOUT'],
    ['another message', saying('PONG'), 'ERR PROXY BROKER UNEXPECTED'],
    ['what cannot be read', saying('RRES'), 'ERR PROXY BROKER RESPONSE'],
    ['an error', saying('ERR QUOTA'), 'ERR PROXY PROTOCOL QUOTA'],
    ['what cannot be opened', saying(`RRES ${'x'.repeat(100)}`), 'ERR CRYPTO'],
    [
      'an error inside so many others that no more fit',
      saying(`ERR ${'PROXY PROTOCOL '.repeat(8)}AUTH`),
      'ERR INTERNAL',
    ],
    ['malformed blocks', ((_) => [Uint8Array.of(1, 2, 3)]) as Answer, 'ERR PROXY BROKER TIMEOUT'],
  ])('to a relay that answers %s', async (_, answer, expected) => {
    const proxy = await start({ proxy: { responseTimeout: 200 } })
    const relay = await fakeRelay(answer)
    const proxied = await ProxiedClient.connect(await connect(proxy.address), relay.address)
    await expect(proxied.request({ tag: 'PING' })).rejects.toThrow(new RegExp(`^${expected}$`))
    expect(await proxied.client.request({ tag: 'PING' })).toEqual({ tag: 'PONG' })
  })

  it('is passed on 32 times at once for each connection', async () => {
    let answering = false
    const proxy = await start()
    const relay = await fakeRelay((corrId) => (answering ? saying('ERR QUOTA')(corrId) : []))
    const [client, other] = [await connect(proxy.address), await connect(proxy.address)]
    const proxied = await ProxiedClient.connect(client, relay.address)
    const answers = Array.from({ length: 40 }, () => proxied.request({ tag: 'PING' }).catch((e: Error) => e.message))
    await expect.poll(() => relay.received.length).toBe(32)
    for (let i = 0; i < 20; i++) await other.request({ tag: 'PING' })
    expect(relay.received.length).toBe(32)
    answering = true
    for (const corrId of relay.received.slice()) await relay.answerNow(corrId)
    expect(await Promise.all(answers)).toEqual(Array(40).fill('ERR PROXY PROTOCOL QUOTA'))
  })
})

describe('RFWD', () => {
  it('that cannot be opened is refused', async () => {
    const relay = await start()
    const client = await connect(relay.address)
    const answer = await client.request({ tag: 'RFWD', encFwdTransmission: randomBytes(200) })
    expect(brief(answer)).toBe('ERR CRYPTO')
  })

  it('with something else inside is refused', async () => {
    const relay = await start()
    const client = await connect(relay.address)
    const corrId = randomBytes(24)
    const encFwdTransmission = box(client.session.sessionSecret, corrId, randomBytes(10))
    expect(brief(await client.request({ tag: 'RFWD', encFwdTransmission }, { corrId }))).toBe('ERR CMD SYNTAX')
  })
})
