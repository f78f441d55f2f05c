import { fingerprint } from '@smpkit/crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { connectSmp } from './connect.js'
import { createServerIdentity, createServiceCredentials } from './identity.js'
import { blockSize } from './smp.js'
import {
  block,
  bytes,
  chainOf,
  cleanUp,
  errorOf,
  honestHello,
  startServer,
  startTls,
  take,
} from './testing/fixtures.js'

afterEach(cleanUp)

/** Far below the tests' own time-out, so that what does not obey it fails. */
const brief = 300

describe('a session', () => {
  it('has the same version, id and keys on both ends, and carries blocks both ways', async () => {
    const { address, accepted } = await startServer()
    const client = await connectSmp(address)
    const server = await accepted()
    expect(client.session.version).toBe(20)
    expect(server.session.version).toBe(20)
    expect(client.session.sessionId).toHaveLength(32)
    expect(server.session.sessionId).toEqual(client.session.sessionId)
    expect(server.session.sessionSecret).toEqual(client.session.sessionSecret)
    expect(client.session.serverKey.equals(server.session.sessionKey.publicKey)).toBe(true)
    await client.send(bytes(16366, 7))
    await server.send(bytes(1, 8))
    expect(await take(server, 1)).toEqual([bytes(16366, 7)])
    expect(await take(client, 1)).toEqual([bytes(1, 8)])
    await client.close()
    expect(await client.closed).toBeUndefined()
    expect(await server.closed).toBeUndefined()
  })

  it.each(['ed25519', 'ed448'] as const)('works with an %s identity', async (algorithm) => {
    const own = createServerIdentity({ algorithm })
    const { address } = await startServer({ identity: own })
    const client = await connectSmp(address)
    expect(client.session.version).toBe(20)
    await client.close()
  })

  it.each([2, 3, 4])('works with a chain of %i certificates', async (length) => {
    const own = { ...chainOf(length), caPrivateKey: null }
    const { address } = await startServer({ identity: own })
    const client = await connectSmp(address)
    expect(client.session.version).toBe(20)
    await client.close()
  })

  it('takes the highest common version', async () => {
    const { address } = await startServer({ versionRange: { min: 14, max: 17 } })
    const client = await connectSmp(address, { versionRange: { min: 15, max: 20 } })
    expect(client.session.version).toBe(17)
    await client.close()
  })

  it('of a proxy is not encrypted and holds 16 bytes more', async () => {
    const { address, accepted } = await startServer()
    const client = await connectSmp(address, { proxyServer: true })
    const server = await accepted()
    expect(server.session.proxyServer).toBe(true)
    await client.send(bytes(16382))
    expect(await take(server, 1)).toEqual([bytes(16382)])
    await client.close()
  })

  it('of one hundred clients at once stay apart', async () => {
    const { address } = await startServer({
      async onConnection(connection) {
        for await (const content of connection) await connection.send(content)
      },
    })
    const echoes = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const client = await connectSmp(address)
        await client.send(bytes(100, i))
        const [echo] = await take(client, 1)
        await client.close()
        return echo
      }),
    )
    expect(echoes).toEqual(Array.from({ length: 100 }, (_, i) => bytes(100, i)))
  })
})

describe('the handshake', () => {
  it('another session id than that of TLS is refused', async () => {
    const address = await startTls((socket) => {
      socket.write(block(honestHello(socket, { sessionId: bytes(32) })))
    })
    const error = await errorOf(connectSmp(address))
    expect(error).toMatchObject({ code: 'HANDSHAKE', temporary: false, cause: { code: 'SESSION' } })
  })

  it('no common version says both ranges', async () => {
    const { address } = await startServer({ versionRange: { min: 14, max: 15 } })
    const error = await errorOf(connectSmp(address, { versionRange: { min: 16, max: 20 } }))
    expect(error).toMatchObject({ code: 'HANDSHAKE', cause: { code: 'VERSION' } })
    expect(error.message).toBe('no common SMP version: we speak 16-20, the server 14-15')
  })

  it('a hello without key is refused', async () => {
    const address = await startTls((socket) => {
      socket.write(block(honestHello(socket).subarray(0, 40)))
    })
    expect(await errorOf(connectSmp(address))).toMatchObject({ code: 'HANDSHAKE', cause: { code: 'BAD_AUTH' } })
  })

  it('a hello cut short is refused', async () => {
    const address = await startTls((socket) => {
      socket.write(block(honestHello(socket).subarray(0, 20)))
    })
    expect(await errorOf(connectSmp(address))).toMatchObject({ code: 'HANDSHAKE', cause: { code: 'PARSE' } })
  })

  it('a block whose length is a lie is refused', async () => {
    const address = await startTls((socket) => {
      socket.write(bytes(blockSize, 255))
    })
    expect(await errorOf(connectSmp(address))).toMatchObject({ code: 'HANDSHAKE', cause: { code: 'PARSE' } })
  })

  it('half a block and silence ends with the time-out', async () => {
    const address = await startTls((socket) => {
      socket.write(block(honestHello(socket)).subarray(0, 8000))
    })
    expect(await errorOf(connectSmp(address, { handshakeTimeout: brief }))).toMatchObject({ code: 'TIMEOUT' })
  })

  it('a close in the middle of the hello says so', async () => {
    const address = await startTls((socket) => {
      socket.end(block(honestHello(socket)).subarray(0, 8000))
    })
    const error = await errorOf(connectSmp(address))
    expect(error).toMatchObject({
      code: 'CLOSED',
      temporary: true,
      cause: { message: /expected 16384 bytes, got 8000/ },
    })
  })

  it('a server that says nothing ends with the time-out', async () => {
    const address = await startTls(() => {})
    expect(await errorOf(connectSmp(address, { handshakeTimeout: brief }))).toMatchObject({ code: 'TIMEOUT' })
  })

  it('a server that closes at once ends the attempt', async () => {
    const address = await startTls((socket) => socket.destroy())
    expect(await errorOf(connectSmp(address))).toMatchObject({ temporary: true })
  })

  it('a server that refuses after the hello shows in the session', async () => {
    const address = await startTls((socket) => {
      socket.write(block(honestHello(socket)))
      socket.once('data', () => socket.end())
    })
    const client = await connectSmp(address)
    expect(await take(client)).toEqual([])
    expect(await client.closed).toBeUndefined()
    expect(await errorOf(client.send(bytes(1)))).toMatchObject({ code: 'CLOSED' })
  })
})

describe('a service', () => {
  const credentials = createServiceCredentials()
  const serviceId = bytes(24, 9)

  it.each(['notifier', 'messaging', 'proxy'] as const)('as %s is known to both ends', async (role) => {
    const { address, accepted } = await startServer({ serviceId: () => serviceId })
    const client = await connectSmp(address, { service: { ...credentials, role } })
    const server = await accepted()
    const certHash = fingerprint(credentials.certChain[0] as Uint8Array)
    expect(client.session.service).toMatchObject({ role, serviceId, certHash })
    expect(server.session.service).toMatchObject({ role, serviceId, certHash })
    expect(client.session.service?.sessionKey.publicKey.toRaw()).toEqual(server.session.service?.sessionKey.toRaw())
    await server.send(bytes(5))
    expect(await take(client, 1)).toEqual([bytes(5)])
    await client.close()
  })

  it('with a chain of two certificates is known by the second', async () => {
    const own = createServerIdentity()
    const { address } = await startServer({ serviceId: () => serviceId })
    const client = await connectSmp(address, { service: { ...own, role: 'notifier' } })
    expect(client.session.service?.certHash).toEqual(own.fingerprint)
    await client.close()
  })

  it('below version 16 is an ordinary client', async () => {
    const { address, accepted } = await startServer({ serviceId: () => serviceId, versionRange: { min: 14, max: 15 } })
    const client = await connectSmp(address, { service: { ...credentials, role: 'notifier' } })
    expect(client.session.service).toBeNull()
    expect((await accepted()).session.service).toBeNull()
    await client.close()
  })

  it('that the server refuses gets BAD_SERVICE and may try again', async () => {
    const { address, errors } = await startServer({ serviceId: () => null })
    const error = await errorOf(connectSmp(address, { service: { ...credentials, role: 'notifier' } }))
    expect(error).toMatchObject({ code: 'HANDSHAKE', temporary: true, cause: { code: 'BAD_SERVICE' } })
    expect(errors).toMatchObject([{ code: 'HANDSHAKE', cause: { code: 'BAD_SERVICE' } }])
  })

  it('with an expired certificate is not let in', async () => {
    const { address, errors } = await startServer({ serviceId: () => serviceId })
    const expired = chainOf(2, { notAfter: new Date(Date.now() - 1000) })
    expect(await errorOf(connectSmp(address, { service: { ...expired, role: 'notifier' } }))).toMatchObject({
      temporary: true,
    })
    expect(errors).toMatchObject([{ code: 'CERTIFICATE', cause: { code: 'EXPIRED' } }])
  })

  it('whose key is not that of its certificate fails before anything is sent', async () => {
    const { address } = await startServer()
    const mixed = { certChain: credentials.certChain, privateKey: createServiceCredentials().privateKey }
    const error = await errorOf(connectSmp(address, { service: { ...mixed, role: 'notifier' } }))
    expect(error).toMatchObject({ code: 'CERTIFICATE', temporary: false })
  })
})
