import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { inspect } from 'node:util'
import { pad } from '@smpkit/encoding'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { connectSmp } from './connect.js'
import { createServiceCredentials } from './identity.js'
import { blockSize } from './smp.js'
import {
  block,
  bytes,
  chainOf,
  cleanUp,
  cleanUpLater,
  ended,
  errorOf,
  openTls,
  startServer,
  take,
} from './testing/fixtures.js'
import { tlsParameters } from './tls-options.js'

afterEach(cleanUp)

const brief = 300

describe('a server', () => {
  it('speaks first, and not at all after a hello that it refuses', async () => {
    const { address, errors } = await startServer()
    const socket = await openTls(address)
    const received: Buffer[] = []
    socket.on('data', (data) => received.push(data))
    await expect.poll(() => Buffer.concat(received).length).toBe(blockSize)
    socket.write(block(bytes(3)))
    await ended(socket)
    expect(Buffer.concat(received)).toHaveLength(blockSize)
    expect(errors).toMatchObject([{ code: 'HANDSHAKE', cause: { code: 'PARSE' } }])
  })

  it('outlives hellos of any bytes', async () => {
    const { server, address, errors } = await startServer()
    const good = Uint8Array.from([0, 20, 32, ...address.keyHash, 0x46, 0x30])
    const mutated = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => {
      const hello = good.slice()
      hello[at] = value ^ (good[at] as number) || 1
      return block(hello)
    })
    const random = fc.uint8Array({ minLength: blockSize, maxLength: blockSize })
    const hellos = fc.sample(fc.oneof(mutated, random), 60)
    await Promise.all(
      hellos.map(async (hello) => {
        const socket = await openTls(address)
        socket.end(hello)
        await ended(socket)
      }),
    )
    for (const error of errors) expect(error).toMatchObject({ code: 'HANDSHAKE', cause: { name: 'HandshakeError' } })
    await (await connectSmp(server.address())).close()
  })

  it('refuses a client that means another server', async () => {
    const { address, errors } = await startServer()
    const socket = await openTls(address)
    const hello = new Uint8Array(37).fill(1)
    hello.set([0, 20, 32])
    hello.set([0x46, 0x30], 35)
    socket.write(block(hello))
    await ended(socket)
    expect(errors).toMatchObject([{ code: 'HANDSHAKE', cause: { code: 'IDENTITY' } }])
  })

  it('offers a client without ALPN nothing that it speaks', async () => {
    const { address, errors } = await startServer()
    const socket = await openTls(address, { ALPNProtocols: [] })
    const [first] = (await new Promise<Buffer[]>((resolve) => socket.once('data', (d) => resolve([d])))) as [Buffer]
    expect([...first.subarray(2, 6)]).toEqual([0, 6, 0, 6])
    const hello = pad(Uint8Array.from([0, 6, 32, ...bytes(32)]), blockSize)
    socket.write(hello)
    await ended(socket)
    expect(errors).toMatchObject([{ code: 'HANDSHAKE' }])
  })

  it.each([['smp/1'], ['h2'], ['http/1.1']])('accepts ALPN %s', async (protocol) => {
    const { address } = await startServer()
    const socket = await openTls(address, { ALPNProtocols: ['other', protocol, 'smp/1'] })
    expect(socket.alpnProtocol).toBe(protocol)
  })

  it('refuses other ALPN in TLS', async () => {
    const { address, errors } = await startServer()
    await expect(openTls(address, { ALPNProtocols: ['other'] })).rejects.toThrow()
    await expect.poll(() => errors).toMatchObject([{ code: 'TLS' }])
  })

  it('resumes no TLS session', async () => {
    const { address } = await startServer()
    const first = await openTls(address)
    const sessions: Buffer[] = []
    first.on('session', (session) => sessions.push(session))
    await new Promise((resolve) => first.once('data', resolve))
    const second = await openTls(address, sessions[0] ? { session: sessions[0] } : {})
    expect(second.isSessionReused()).toBe(false)
  })

  it('refuses TLS 1.2', async () => {
    const { address, errors } = await startServer()
    await expect(openTls(address, { secureContext: createSecureContext({ maxVersion: 'TLSv1.2' }) })).rejects.toThrow()
    await expect.poll(() => errors).toMatchObject([{ code: 'TLS' }])
  })

  it('refuses a client chain of five certificates', async () => {
    const { address, errors } = await startServer({ serviceId: () => bytes(24) })
    await errorOf(connectSmp(address, { service: { ...chainOf(5), role: 'notifier' } }))
    expect(errors).toMatchObject([{ code: 'CERTIFICATE', cause: { code: 'LENGTH' } }])
  })

  it('takes a client certificate without a service in the hello for an ordinary client', async () => {
    const { address, accepted } = await startServer({ serviceId: () => bytes(24) })
    const context = createSecureContext(tlsParameters(createServiceCredentials()))
    const socket = await openTls(address, { secureContext: context })
    const hello = Uint8Array.from([0, 20, 32, ...address.keyHash, 0x46, 0x30])
    socket.write(block(hello))
    expect((await accepted()).session.service).toBeNull()
  })

  it('takes a client without session key, unencrypted', async () => {
    const { address, accepted } = await startServer()
    const socket = await openTls(address)
    socket.write(block(Uint8Array.from([0, 20, 32, ...address.keyHash, 0x46, 0x30])))
    const server = await accepted()
    expect(server.session.sessionSecret).toBeNull()
    socket.write(block(bytes(3)))
    expect(await take(server, 1)).toEqual([bytes(3)])
  })

  it.each([
    ['no TLS', 'TIMEOUT', () => {}],
    ['other bytes', 'TLS', (socket: Socket) => socket.write('GET / HTTP/1.1\r\n\r\n')],
  ])('ends a client of %s', async (_, code, act) => {
    const { address, errors } = await startServer({ tlsTimeout: brief })
    const socket = connect(Number(address.port), '127.0.0.1')
    socket.on('error', () => {})
    act(socket)
    await ended(socket)
    await expect.poll(() => errors).toMatchObject([{ code }])
  })

  it('ends a client that sends no hello', async () => {
    const { address, errors } = await startServer({ handshakeTimeout: brief })
    await ended(await openTls(address))
    await expect.poll(() => errors).toMatchObject([{ code: 'TIMEOUT' }])
  })

  it('ends a client that sends half a hello', async () => {
    const { address, errors } = await startServer({ handshakeTimeout: brief })
    const socket = await openTls(address)
    socket.write(bytes(100))
    await ended(socket)
    await expect.poll(() => errors).toMatchObject([{ code: 'TIMEOUT' }])
  })

  it('ends a connection whose handler throws, and goes on', async () => {
    const { address, errors } = await startServer({
      onConnection() {
        throw new Error('handler')
      },
    })
    for (const count of [1, 2]) {
      const client = await connectSmp(address)
      await client.closed
      await expect.poll(() => errors).toHaveLength(count)
    }
    expect(errors).toMatchObject([{ cause: { message: 'handler' } }, { cause: { message: 'handler' } }])
  })

  it('ends a connection whose handler rejects, and goes on', async () => {
    const { address, errors } = await startServer({
      async onConnection(connection) {
        for await (const content of connection) throw new Error(`handler ${content.length}`)
      },
    })
    for (const count of [1, 2]) {
      const client = await connectSmp(address)
      await client.send(bytes(count))
      await client.closed
      await expect.poll(() => errors).toHaveLength(count)
    }
    expect(errors).toMatchObject([{ cause: { message: 'handler 1' } }, { cause: { message: 'handler 2' } }])
  })

  it.each(['maxConnections', 'maxConnectionsPerAddress'])('keeps to %s', async (limit) => {
    const { address, errors } = await startServer({ [limit]: 2 })
    const clients = [await connectSmp(address), await connectSmp(address)]
    expect(await errorOf(connectSmp(address))).toMatchObject({ temporary: true })
    expect(errors).toMatchObject([{ code: 'LIMIT' }])
    await clients[0]?.close()
    await delay(50)
    await (await connectSmp(address)).close()
    await clients[1]?.close()
  })

  it('keeps to maxHandshakes, which those that are done do not count for', async () => {
    const { address, errors } = await startServer({ maxHandshakes: 1 })
    const clients = [await connectSmp(address), await connectSmp(address)]
    const idle = await openTls(address)
    clients.push(await connectSmp(address))
    await ended(idle)
    expect(errors).toMatchObject([{ code: 'LIMIT', message: 'expected at most 1 unfinished handshakes' }])
    for (const client of clients) {
      await client.send(bytes(1))
      await client.close()
      expect(await client.closed).toBeUndefined()
    }
  })

  it('is not locked by clients that connect and do nothing more', async () => {
    const { address, errors } = await startServer({ maxHandshakes: 8 })
    const idle = Array.from({ length: 50 }, () => connect(Number(address.port), '127.0.0.1').on('error', () => {}))
    cleanUpLater(() => idle.forEach((socket) => void socket.destroy()))
    await expect.poll(() => errors.length).toBe(42)
    await (await connectSmp(address)).close()
    for (const error of errors) expect(error).toMatchObject({ code: 'LIMIT' })
  })

  it('says that a port is taken', async () => {
    const { server } = await startServer()
    expect(await errorOf(startServer({ port: server.port }))).toMatchObject({ code: 'NETWORK' })
  })

  it('ends all connections when it closes: done, in the handshake and before TLS', async () => {
    const { server, address, accepted } = await startServer()
    const client = await connectSmp(address)
    const ours = await accepted()
    void ours.send(bytes(7))
    const sockets = [await openTls(address), connect(Number(address.port), '127.0.0.1')]
    cleanUpLater(() => sockets[1]?.destroy())
    const all = Promise.all(sockets.map((socket) => ended(socket.on('error', () => {}))))
    const contents = take(client)
    await server.close()
    await all
    expect(await contents).toEqual([bytes(7)])
    expect(await client.closed).toBeUndefined()
    expect(await ours.closed).toBeUndefined()
    expect(await errorOf(connectSmp(address))).toMatchObject({ code: 'NETWORK' })
  })

  it('closes once, for all who ask', async () => {
    const { server, address, accepted } = await startServer()
    const client = await connectSmp(address)
    const ours = await accepted()
    let ended = false
    void ours.closed.then(() => {
      ended = true
    })
    void server.close()
    await server.close()
    expect(ended).toBe(true)
    await client.closed
  })

  it('closes although a peer does not read', async () => {
    const { server, address, accepted } = await startServer()
    const socket = await openTls(address)
    socket.write(block(Uint8Array.from([0, 20, 32, ...address.keyHash, 0x46, 0x30])))
    socket.pause()
    const ours = await accepted()
    for (let i = 0; i < 256; i++) void ours.send(bytes(16000))
    await server.close()
    await ours.closed
  })
})

it('shows no secret of either end to who prints a session', async () => {
  const { server, accepted } = await startServer()
  const client = await connectSmp(server.address())
  const served = await accepted()
  for (const { session } of [client, served]) {
    const secret = Buffer.from(session.sessionSecret ?? []).toString('hex')
    expect(secret).toHaveLength(64)
    const printed = inspect(session, { depth: 9, maxArrayLength: 99 }) + JSON.stringify(session)
    expect(printed).not.toContain('sessionSecret')
  }
})
