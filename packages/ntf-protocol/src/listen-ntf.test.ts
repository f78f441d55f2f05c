import { connect, type Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { createServiceCredentials } from '@smpkit/smp-transport'
import { tlsParameters } from '@smpkit/smp-transport/internal'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { connectNtf } from './connect-ntf.js'
import { listenNtf } from './listen-ntf.js'
import { cleanUp, cleanUpLater } from './testing/cleanup.js'
import { identity, startServer } from './testing/ntf-server.js'
import { block, bytes, ended, hello, openTls } from './testing/sockets.js'

afterEach(cleanUp)

/** Milliseconds. */
const brief = 200

/** The first block that comes. */
async function firstBlock(socket: Socket): Promise<Buffer> {
  const received: Buffer[] = []
  socket.on('data', (data) => received.push(data))
  await expect.poll(() => Buffer.concat(received).length).toBe(512)
  return Buffer.concat(received)
}

describe('a server', () => {
  it.each([
    [['ntf/1'], 'ntf/1'],
    [['h2', 'ntf/1'], 'h2'],
    [['other', 'http/1.1', 'h2'], 'http/1.1'],
  ])('takes the first ALPN of %j that it knows, and offers all versions and a key', async (offered, chosen) => {
    const { address } = await startServer()
    const socket = await openTls(address, { ALPNProtocols: offered })
    expect(socket.alpnProtocol).toBe(chosen)
    const first = await firstBlock(socket)
    // Range and session id, then the key: 122 bytes with Ed25519.
    expect([...first.subarray(0, 7)]).toEqual([0, 161, 0, 1, 0, 3, 32])
  })

  it('offers a client without ALPN version 1 and no key', async () => {
    const { address, peers } = await startServer()
    const socket = await openTls(address, { ALPNProtocols: [] })
    const first = await firstBlock(socket)
    expect([...first.subarray(0, 7)]).toEqual([0, 37, 0, 1, 0, 1, 32])
    socket.write(hello(address, 1))
    await expect.poll(() => peers[0]?.connection.session.version).toBe(1)
  })

  it('ends TLS with alert 120 where no ALPN is known', async () => {
    const { address, errors } = await startServer()
    await expect(openTls(address, { ALPNProtocols: ['smp/1', 'other'] })).rejects.toThrow(/alert.*120|no application/)
    await expect.poll(() => errors).toMatchObject([{ code: 'TLS' }])
  })

  it('asks for no client certificate', async () => {
    const { address, peers } = await startServer()
    // One that it would refuse.
    const expired = createServiceCredentials(new Date(0))
    const socket = await openTls(address, { secureContext: createSecureContext(tlsParameters(expired)) })
    socket.write(hello(address))
    await expect.poll(() => peers).toHaveLength(1)
  })

  it.each([
    ['another server', 'IDENTITY', (address) => hello({ ...address, keyHash: bytes(32) })],
    ['version 0', 'VERSION', (address) => hello(address, 0)],
    ['version 4', 'VERSION', (address) => hello(address, 4)],
    ['nothing', 'PARSE', () => block(bytes(2))],
  ] as [string, string, (address: Parameters<typeof hello>[0]) => Uint8Array][])(
    'just ends a client that means %s',
    async (_, code, write) => {
      const { address, errors, peers } = await startServer()
      const socket = await openTls(address)
      let received = 0
      socket.on('data', ({ length }) => {
        received += length
      })
      await expect.poll(() => received).toBe(512)
      socket.write(write(address))
      await ended(socket)
      expect(received).toBe(512)
      expect(errors).toMatchObject([{ code: 'HANDSHAKE', cause: { code } }])
      expect(peers).toEqual([])
    },
  )

  it('ignores what follows in a hello', async () => {
    const { address, peers } = await startServer()
    const socket = await openTls(address)
    const longer = hello(address)
    longer[1] = 200
    socket.write(longer)
    await expect.poll(() => peers).toHaveLength(1)
  })

  it('outlives hellos of any bytes', async () => {
    const { address, errors } = await startServer()
    const good = hello(address)
    const mutated = fc.tuple(fc.nat(36), fc.integer({ min: 1, max: 255 })).map(([at, change]) => {
      const bad = good.slice()
      bad[at] = (bad[at] as number) ^ change
      return bad
    })
    const hellos = fc.sample(fc.oneof(mutated, fc.uint8Array({ minLength: 512, maxLength: 512 })), 40)
    await Promise.all(
      hellos.map(async (one) => {
        const socket = await openTls(address)
        socket.end(one)
        await ended(socket)
      }),
    )
    for (const error of errors) expect(error).toMatchObject({ code: 'HANDSHAKE', cause: { name: 'HandshakeError' } })
    await (await connectNtf(address)).close()
  })

  it.each([
    ['no hello', () => {}],
    ['half a hello', (socket: Socket) => socket.write(bytes(100))],
  ])('ends a client with %s in time', async (_, act) => {
    const { address, errors } = await startServer(undefined, { handshakeTimeout: brief })
    const socket = await openTls(address)
    act(socket)
    await ended(socket)
    await expect.poll(() => errors).toMatchObject([{ code: 'TIMEOUT' }])
  })

  it('ends a client that does no TLS in time', async () => {
    const { address, errors } = await startServer(undefined, { tlsTimeout: brief })
    const socket = connect(Number(address.port), '127.0.0.1')
    cleanUpLater(() => socket.destroy())
    await ended(socket)
    await expect.poll(() => errors).toMatchObject([{ code: 'TIMEOUT' }])
  })

  it('is not locked by clients that send half a hello, and keeps to its limits', async () => {
    const { address, errors } = await startServer(undefined, { maxHandshakes: 3, maxConnectionsPerAddress: 6 })
    const idle = []
    for (let i = 0; i < 5; i++) {
      const socket = await openTls(address)
      socket.write(bytes(100))
      idle.push(socket)
    }
    const done = await connectNtf(address)
    expect(errors.map(({ message }) => message)).toEqual(Array(3).fill('expected at most 3 unfinished handshakes'))
    await Promise.all(idle.slice(0, 3).map(ended))
    await done.close()
  })

  it('has an address for each host that leads to it', async () => {
    const server = await listenNtf({ identity, host: '127.0.0.1', onConnection: () => {} })
    cleanUpLater(() => server.close())
    const { keyHash } = server.address()
    expect(keyHash).toEqual(identity.fingerprint)
    expect(server.address('ntf.example.com')).toEqual({
      hosts: [{ type: 'domain', text: 'ntf.example.com' }],
      port: String(server.port),
      keyHash,
    })
  })
})
