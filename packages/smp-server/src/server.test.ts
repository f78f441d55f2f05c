import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { authorize, packBlock } from '@smpkit/smp-commands'
import { parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import { type ConnectOptions, connectSmp, createServiceCredentials } from '@smpkit/smp-transport'
import { tlsParameters } from '@smpkit/smp-transport/internal'
import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock } from './clock.js'
import type { SmpServerOptions } from './options.js'
import { startSmpServer } from './server.js'
import { brief, TestClient } from './testing/test-client.js'
import {
  asNotifier,
  asRecipient,
  asSender,
  createQueue,
  metaOf,
  msgIdOf,
  publicAuthKey,
  requestQueue,
  sendCommand,
  textOf,
} from './testing/test-queue.js'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function start(options: SmpServerOptions = {}) {
  const server = await startSmpServer(options)
  cleanups.push(() => server.stop())
  return server
}

async function connect(address: ServerAddress, options?: ConnectOptions): Promise<TestClient> {
  const client = new TestClient(await connectSmp(address, options))
  cleanups.push(() => client.close())
  return client
}

describe('a server on a port', () => {
  it('carries a message from a sender to a recipient, and its notification', async () => {
    const clock = new ManualClock()
    const server = await start({ clock })
    const address = parseServerAddress(server.addressText)
    const [recipient, sender, notifier] = [await connect(address), await connect(address), await connect(address)]
    const queue = await createQueue(recipient, { notifier: true, subMode: 'subscribe' })
    const key = PrivateKey.generate('ed25519')
    const skey = { tag: 'SKEY', senderKey: publicAuthKey(key) } as const
    expect(await sender.request(skey, asSender(queue, key))).toEqual({ tag: 'OK' })
    expect(await notifier.request({ tag: 'NSUB' }, asNotifier(queue))).toEqual({ tag: 'SOK', serviceId: null })
    expect(await sender.request(sendCommand('hello'), asSender(queue, key))).toEqual({ tag: 'OK' })
    const { message } = await recipient.event()
    expect(textOf(queue, message)).toBe('hello')
    clock.advance(1500)
    const msgId = msgIdOf(message)
    expect(metaOf(queue, (await notifier.event()).message).msgId).toEqual(msgId)
    expect(await recipient.request({ tag: 'ACK', msgId }, asRecipient(queue))).toEqual({ tag: 'OK' })
  })

  it('sends notifications and END by the system clock', async () => {
    const server = await start({ notificationTick: 10, endDelay: 20 })
    const [client, other] = [await connect(server.address), await connect(server.address)]
    const queue = await createQueue(client, { notifier: true, subMode: 'subscribe' })
    await other.request({ tag: 'NSUB' }, asNotifier(queue))
    await client.request(sendCommand('hello'), asSender(queue))
    expect(brief((await other.event()).message)).toBe('NMSG')
    await client.event()
    await other.request({ tag: 'SUB' }, asRecipient(queue))
    expect(brief((await client.event()).message)).toBe('END')
  })

  it.each([14, 15, 16, 17, 18, 19, 20])('speaks version %i', async (version) => {
    const server = await start()
    const client = await connect(server.address, { versionRange: { min: version, max: version } })
    expect(client.session.version).toBe(version)
    const queue = await createQueue(client)
    expect(await client.request({ tag: 'SUB' }, asRecipient(queue))).toMatchObject({ tag: version < 16 ? 'OK' : 'SOK' })
  })

  it('knows a service by its certificate', async () => {
    const server = await start()
    const service = { ...createServiceCredentials(), role: 'messaging' } as const
    const client = await connect(server.address, { service })
    const queue = await createQueue(client, { subMode: 'subscribe' })
    await client.request(sendCommand('hello'), asSender(queue))
    expect(textOf(queue, (await client.event()).message)).toBe('hello')
    await client.close()
    const again = await connect(server.address, { service })
    const serviceId = again.session.service?.serviceId ?? new Uint8Array()
    expect(serviceId).toEqual(queue.ids.serviceId)
    const subs = { tag: 'SUBS', count: 1n, idsHash: new Uint8Array(16) } as const
    expect(await again.request(subs, { entityId: serviceId })).toMatchObject({ tag: 'SOKS', count: 1n })
    expect([await again.event(), await again.event()].map(({ message }) => brief(message))).toEqual(['MSG', 'ALLS'])
    const otherRole = connect(server.address, { service: { ...service, role: 'notifier' } })
    await expect(otherRole).rejects.toMatchObject({ code: 'HANDSHAKE', cause: { code: 'BAD_SERVICE' } })
  })

  it('tells its address with and without the password', async () => {
    const server = await start({ password: 'secret' })
    expect(server.addressText).toBe(server.addressTextWithPassword.replace(':secret@', '@'))
    const { password } = parseServerAddress(server.addressTextWithPassword)
    const client = await connect(server.address)
    expect(brief((await requestQueue(client)).answer)).toBe('ERR AUTH')
    expect(brief((await requestQueue(client, { basicAuth: password })).answer)).toBe('IDS')
  })

  it('on all interfaces names loopback', async () => {
    const { addressText } = await start({ host: '0.0.0.0' })
    const client = await connect(parseServerAddress(addressText))
    expect(await client.request({ tag: 'PING' })).toEqual({ tag: 'PONG' })
  })

  it('without a password tells the same address twice', async () => {
    const server = await start()
    expect(server.addressTextWithPassword).toBe(server.addressText)
  })

  it('holds a limited number of connections', async () => {
    const server = await start({ maxConnections: 1 })
    const client = await connect(server.address)
    await expect(connectSmp(server.address)).rejects.toMatchObject({ temporary: true })
    expect(await client.request({ tag: 'PING' })).toEqual({ tag: 'PONG' })
  })

  it('cannot start on a port that is in use', async () => {
    const { port } = await start()
    await expect(startSmpServer({ port })).rejects.toMatchObject({ code: 'NETWORK' })
  })

  it('ends with its scope', async () => {
    let address: ServerAddress
    {
      await using server = await startSmpServer()
      address = server.address
    }
    await expect(connectSmp(address)).rejects.toMatchObject({ code: 'NETWORK' })
  })
})

describe('a restart', () => {
  it('keeps identity, queues, messages, notifications and services', async () => {
    const server = await start()
    const service = { ...createServiceCredentials(), role: 'messaging' } as const
    const client = await connect(server.address)
    const member = await connect(server.address, { service })
    const queue = await createQueue(client, { notifier: true, subMode: 'subscribe' })
    await createQueue(member, { subMode: 'subscribe' })
    await client.request(sendCommand('hello'), asSender(queue))
    const { port } = server
    const before = server.statistics()
    const state = await server.stop()
    expect(await client.connection.closed).toBeUndefined()

    const next = await start({ state, port, notificationTick: 10 })
    expect(next.addressText).toBe(server.addressText)
    const { queues, messages, notifications, services } = before
    expect(next.statistics()).toMatchObject({ queues, messages, notifications, services, connections: 0 })
    const again = await connect(next.address)
    await again.request({ tag: 'SUB' }, asRecipient(queue))
    expect(textOf(queue, (await again.event()).message)).toBe('hello')
    await again.request({ tag: 'NSUB' }, asNotifier(queue))
    expect(metaOf(queue, (await again.event()).message).msgId).toHaveLength(24)
    const returned = await connect(next.address, { service })
    expect(returned.session.service?.serviceId).toEqual(member.session.service?.serviceId)
  })
})

describe('dropConnections', () => {
  it('ends all connections, and the server goes on', async () => {
    const server = await start()
    const clients = [await connect(server.address), await connect(server.address)] as const
    const queue = await createQueue(clients[0], { subMode: 'subscribe' })
    await server.dropConnections()
    // Whether the peer sees an orderly end or a reset is the network's business.
    for (const client of clients) await client.connection.closed
    expect(server.statistics()).toMatchObject({ connections: 0, subscriptions: { queues: 0 } })
    const again = await connect(server.address)
    expect(brief(await again.request({ tag: 'SUB' }, asRecipient(queue)))).toBe('SOK')
  })
})

describe('a peer that does not read', () => {
  /** It asks for many large answers and takes none of them. */
  async function greedyPeer(address: ServerAddress) {
    const client = await connect(address)
    const queue = await createQueue(client)
    await client.request(sendCommand('x'), asSender(queue))
    const connection = await connectSmp(address, { inboundBlocks: 1, highWaterMark: 16_384, writeTimeout: 1000 })
    cleanups.push(() => connection.close())
    const get = () => {
      const command = { tag: 'GET' } as const
      return authorize(connection.session, { corrId: randomBytes(24), command, ...asRecipient(queue) }).transmission
    }
    const block = packBlock(Array.from({ length: 130 }, get))
    for (let i = 0; i < 50; i++) void connection.send(block)
    for (let i = 0; i < 200; i++) await client.request({ tag: 'PING' })
  }

  it('is cut at once by dropConnections', async () => {
    const server = await start()
    await greedyPeer(server.address)
    expect(server.statistics().connections).toBe(2)
    await server.dropConnections()
    expect(server.statistics().connections).toBe(0)
    expect(await (await connect(server.address)).request({ tag: 'PING' })).toEqual({ tag: 'PONG' })
  })

  it('does not keep the server from stopping', async () => {
    const server = await start()
    await greedyPeer(server.address)
    const state = await server.stop()
    expect((await start({ state })).statistics()).toMatchObject({ queues: 1, messages: 1, connections: 0 })
  })
})

describe('a server that is restarted again and again', () => {
  it('loses nothing that it answered', async () => {
    // More than a fast machine sends in the meantime.
    const quota = 1_000_000
    let server = await start({ quota })
    const queue = await createQueue(await connect(server.address))
    const sent: string[] = []
    for (let round = 0; round < 5; round++) {
      const sender = await connect(server.address)
      const busy = (async () => {
        for (let i = 0; ; i++) {
          const text = `${round}-${i}`
          const answer = await Promise.race([sender.request(sendCommand(text), asSender(queue)), sender.ended])
          if (!answer) return
          expect(answer).toEqual({ tag: 'OK' })
          sent.push(text)
        }
      })()
      await expect.poll(() => sent.length).toBeGreaterThan(round * 3)
      if (round % 2 === 0) await server.dropConnections()
      server = await start({ quota, state: await server.stop() })
      await busy
    }
    const recipient = await connect(server.address)
    const received: string[] = []
    let message = await recipient.request({ tag: 'GET' }, asRecipient(queue))
    while (message.tag === 'MSG') {
      received.push(textOf(queue, message))
      await recipient.request({ tag: 'ACK', msgId: msgIdOf(message) }, asRecipient(queue))
      message = await recipient.request({ tag: 'GET' }, asRecipient(queue))
    }
    // What was stored and not answered may be there, too.
    expect(received.filter((text) => sent.includes(text))).toEqual(sent)
  })
})

describe('what others do', () => {
  const tls = (port: number) =>
    connectTls({ host: '127.0.0.1', port, ...tlsParameters(), ALPNProtocols: ['smp/1'], rejectUnauthorized: false })

  it.each([
    ['half a block, then the end', randomBytes(8000)],
    ['something that is no hello', randomBytes(16384)],
    ['nothing', new Uint8Array(0)],
  ])('a connection that sends %s does not disturb another one', async (_, bytes) => {
    const server = await start()
    const client = await connect(server.address)
    const socket = tls(server.port)
    socket.on('error', () => {})
    await once(socket, 'secureConnect')
    socket.end(bytes)
    socket.resume()
    await once(socket, 'close')
    expect(await client.request({ tag: 'PING' })).toEqual({ tag: 'PONG' })
    expect(server.statistics().connections).toBe(1)
  })

  it('a connection that ends leaves nothing behind', async () => {
    const server = await start()
    const client = await connect(server.address)
    const dying = await connect(server.address)
    await createQueue(dying, { subMode: 'subscribe' })
    await dying.close()
    await expect.poll(() => server.statistics().subscriptions.queues).toBe(0)
    expect(await client.request({ tag: 'PING' })).toEqual({ tag: 'PONG' })
  })

  it('random blocks over a socket are answered, and a PING after them', async () => {
    const server = await start()
    const client = await connect(server.address)
    for (let i = 0; i < 300; i++) await client.connection.send(randomBytes(1 + ((i * 37) % 16000)))
    expect(await client.request({ tag: 'PING' })).toEqual({ tag: 'PONG' })
  })

  it('a peer that sends without reading does not disturb another one, and ends when it goes', async () => {
    const server = await start()
    const client = await connect(server.address)
    const queue = await createQueue(client)
    await client.request(sendCommand('x'), asSender(queue))
    const connection = await connectSmp(server.address)
    const get = () => {
      const command = { tag: 'GET' } as const
      return authorize(connection.session, { corrId: randomBytes(24), command, ...asRecipient(queue) }).transmission
    }
    // As many as fit: the answers are a hundred times larger.
    const block = packBlock(Array.from({ length: 130 }, get))
    for (let i = 0; i < 50; i++) void connection.send(block)
    for (let i = 0; i < 200; i++) expect(await client.request({ tag: 'PING' })).toEqual({ tag: 'PONG' })
    await connection.close()
    await expect.poll(() => server.statistics().connections).toBe(1)
  })
})
