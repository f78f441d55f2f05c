import { setTimeout as delay } from 'node:timers/promises'
import { fingerprint } from '@smpkit/crypto'
import type { Host } from '@smpkit/smp-commands/address'
import { afterEach, describe, expect, it } from 'vitest'
import { connectSmp } from './connect.js'
import { createServerIdentity, createServiceCredentials } from './identity.js'
import { blockSize } from './smp.js'
import {
  addressOf,
  block,
  bytes,
  chainOf,
  cleanUp,
  ended,
  errorOf,
  honestHello,
  startServer,
  startTcp,
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

describe('the identity of the server', () => {
  it('a wrong fingerprint ends the connection before anything is sent', async () => {
    const received: Buffer[] = []
    const address = await startTls((socket) => {
      socket.on('data', (data) => received.push(data))
      socket.write(block(honestHello(socket)))
    })
    const error = await errorOf(connectSmp({ ...address, keyHash: bytes(32) }))
    expect(error).toMatchObject({ code: 'IDENTITY', temporary: false })
    await delay(50)
    expect(received).toEqual([])
  })

  const cases = {
    'a chain of one certificate': { chain: chainOf(1), code: 'LENGTH' },
    'a chain of five certificates': { chain: chainOf(5), code: 'LENGTH' },
    'an expired certificate': { chain: chainOf(2, { notAfter: new Date(Date.now() - 1000) }), code: 'EXPIRED' },
    'a CA that did not sign': { chain: chainOf(2, { wrongSigner: true }), code: 'SIGNATURE' },
  }
  it.each(Object.entries(cases))('%s is refused', async (_, { chain, code }) => {
    const address = await startTls(() => {}, chain)
    const error = await errorOf(connectSmp({ ...address, keyHash: chain.fingerprint }))
    expect(error).toMatchObject({ code: 'CERTIFICATE', temporary: false, cause: { code } })
  })

  it('a chain in another order is refused', async () => {
    const { certChain, privateKey } = chainOf(3)
    const [leaf, second, third] = certChain as [Uint8Array, Uint8Array, Uint8Array]
    const address = await startTls(() => {}, { certChain: [leaf, third, second], privateKey })
    const error = await errorOf(connectSmp({ ...address, keyHash: fingerprint(third) }))
    expect(error).toMatchObject({ code: 'CERTIFICATE', cause: { code: 'ISSUER' } })
  })

  it('dates are those of the given clock', async () => {
    const { address } = await startServer()
    const error = await errorOf(connectSmp(address, { now: () => new Date('2001-01-01') }))
    expect(error).toMatchObject({ code: 'CERTIFICATE', cause: { code: 'NOT_YET_VALID' } })
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

describe('addresses', () => {
  const domain = (text: string): Host => ({ type: 'domain', text })

  it('each host and each of its IP addresses is tried until one works', async () => {
    const { address } = await startServer()
    const asked: string[] = []
    const client = await connectSmp(
      { ...address, hosts: [domain('first.example'), domain('second.example')] },
      {
        lookup: async (host) => {
          asked.push(host)
          if (host === 'first.example') throw Object.assign(new Error('unknown name'), { code: 'ENOTFOUND' })
          return ['127.0.0.2', '127.0.0.1']
        },
      },
    )
    expect(asked).toEqual(['first.example', 'second.example'])
    await client.close()
  })

  it('one error tells of all that failed', async () => {
    const address = { ...addressOf(1), hosts: [domain('a.example'), domain('b.example')] }
    const lookup = async (host: string) => {
      if (host === 'a.example') throw Object.assign(new Error('unknown name'), { code: 'ENOTFOUND' })
      return ['127.0.0.1']
    }
    const error = await errorOf(connectSmp(address, { lookup }))
    expect(error).toMatchObject({
      code: 'NETWORK',
      temporary: true,
      errors: [{ code: 'NETWORK' }, { code: 'NETWORK' }],
    })
  })

  it('only what allowAddress allows is connected to, asked about the resolved address', async () => {
    const { server, address } = await startServer()
    const asked: string[] = []
    const allowAddress = (ip: string) => {
      asked.push(ip)
      return false
    }
    for (const text of ['127.0.0.1', '2130706433', '0x7f.1']) {
      const error = await errorOf(connectSmp({ ...server.address(text), hosts: [domain(text)] }, { allowAddress }))
      expect(error).toMatchObject({ code: 'REFUSED_ADDRESS', temporary: false })
    }
    expect(asked).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1'])
    const client = await connectSmp(address, { allowAddress: (ip) => ip === '127.0.0.1' })
    await client.close()
  })

  it('a refused address does not keep the next one from being used', async () => {
    const { address } = await startServer()
    const hosts = [{ type: 'ipv4', text: '127.0.0.2' } as const, ...address.hosts]
    const client = await connectSmp({ ...address, hosts }, { allowAddress: (ip) => ip === '127.0.0.1' })
    await client.close()
  })

  it('onion names are never looked up', async () => {
    const asked: string[] = []
    const lookup = async (host: string) => {
      asked.push(host)
      return ['127.0.0.1']
    }
    const hosts = [{ type: 'onion', text: `${'a'.repeat(56)}.onion` } as const]
    expect(await errorOf(connectSmp({ ...addressOf(1), hosts }, { lookup }))).toMatchObject({ code: 'HOST' })
    expect(asked).toEqual([])
  })

  it('nobody listens', async () => {
    expect(await errorOf(connectSmp(addressOf(1)))).toMatchObject({ code: 'NETWORK', temporary: true })
  })
})

describe('waiting', () => {
  it('a server that accepts and does no TLS ends with the time-out', async () => {
    const address = await startTcp(() => {})
    expect(await errorOf(connectSmp(address, { connectTimeout: brief }))).toMatchObject({ code: 'TIMEOUT' })
  })

  it('a name server that does not answer ends with the time-out', async () => {
    const { address } = await startServer()
    const lookup = () => new Promise<string[]>(() => {})
    expect(await errorOf(connectSmp(address, { lookup, connectTimeout: brief }))).toMatchObject({ code: 'TIMEOUT' })
  })

  it('a server that speaks no TLS is told apart', async () => {
    const address = await startTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await errorOf(connectSmp(address))).toMatchObject({ code: 'TLS' })
  })

  describe('abort', () => {
    const stages = {
      'before the start': async () => (await startServer()).address,
      'in TLS': () => startTcp(() => {}),
      'in the handshake': () => startTls(() => {}),
    }
    it.each(Object.entries(stages))('%s', async (stage, start) => {
      const address = await start()
      const controller = new AbortController()
      if (stage === 'before the start') controller.abort(new Error('reason'))
      const connecting = errorOf(connectSmp(address, { signal: controller.signal }))
      await delay(100)
      controller.abort(new Error('reason'))
      expect(await connecting).toMatchObject({ code: 'ABORTED', cause: { message: 'reason' } })
    })

    it('in the look-up of a name', async () => {
      const controller = new AbortController()
      const lookup = () => new Promise<string[]>(() => {})
      const connecting = errorOf(connectSmp(addressOf(1), { signal: controller.signal, lookup }))
      controller.abort()
      expect(await connecting).toMatchObject({ code: 'ABORTED' })
    })

    it('closes the socket', async () => {
      let closed: Promise<void> | undefined
      const address = await startTls((socket) => {
        closed = ended(socket)
      })
      const controller = new AbortController()
      const connecting = errorOf(connectSmp(address, { signal: controller.signal }))
      await expect.poll(() => closed !== undefined).toBe(true)
      controller.abort()
      await connecting
      await closed
    })
  })
})
