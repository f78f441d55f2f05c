import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createServer, type TLSSocket } from 'node:tls'
import { fingerprint } from '@smpkit/crypto'
import type { Host } from '@smpkit/smp-commands/address'
import { afterEach, describe, expect, it } from 'vitest'
import { connectSmp } from './connect.js'
import { credentialsToPem } from './identity.js'
import {
  addressOf,
  block,
  bytes,
  chainOf,
  cleanUp,
  cleanUpLater,
  ended,
  errorOf,
  honestHello,
  identity,
  startServer,
  startTcp,
  startTls,
  withOpenssl,
} from './testing/fixtures.js'

afterEach(cleanUp)

/** Far below the tests' own time-out, so that what does not obey it fails. */
const brief = 300

describe('the identity of the server', () => {
  it('a wrong fingerprint ends the connection before anything is sent', async () => {
    const received: Buffer[] = []
    let closed: Promise<unknown> | undefined
    const serve = (socket: TLSSocket) => {
      socket.on('data', (data) => received.push(data))
      socket.write(block(honestHello(socket)))
    }
    const address = await startTls(serve, identity, (tcp) => {
      closed = once(tcp, 'close')
    })
    const error = await errorOf(connectSmp({ ...address, keyHash: bytes(32) }))
    expect(error).toMatchObject({ code: 'IDENTITY', temporary: false })
    await expect.poll(() => closed !== undefined).toBe(true)
    await closed
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

describe('TLS of other parameters', () => {
  /** A certificate of a key that no SMP server has. */
  function foreign(...key: string[]): { key: string; cert: string } {
    const directory = mkdtempSync(join(tmpdir(), 'smpkit-tls-'))
    try {
      const subject = ['-subj', '/CN=x', '-days', '9', '-nodes', '-keyout', 'key', '-out', 'cert']
      execFileSync('openssl', ['req', '-x509', '-newkey', ...key, ...subject], { cwd: directory, stdio: 'pipe' })
      return { key: readFileSync(join(directory, 'key'), 'utf8'), cert: readFileSync(join(directory, 'cert'), 'utf8') }
    } finally {
      rmSync(directory, { recursive: true })
    }
  }

  it.runIf(withOpenssl).each([
    ['RSA', ['rsa:2048']],
    ['ECDSA', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']],
  ])('a server with an %s key is refused in TLS', async (_, key) => {
    const server = createServer({ ...foreign(...key), ALPNProtocols: ['smp/1'] })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanUpLater(() => new Promise((resolve) => server.close(resolve)))
    const { port } = server.address() as AddressInfo
    expect(await errorOf(connectSmp(addressOf(port)))).toMatchObject({ code: 'TLS' })
  })

  it('a server that knows no smp/1 is refused in TLS', async () => {
    const { certificates, privateKey } = credentialsToPem(identity)
    const server = createServer({ cert: certificates, key: privateKey, ALPNProtocols: ['other'] })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanUpLater(() => new Promise((resolve) => server.close(resolve)))
    const { port } = server.address() as AddressInfo
    expect(await errorOf(connectSmp(addressOf(port)))).toMatchObject({ code: 'TLS' })
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

  it('a refused host does not keep the next one from being used', async () => {
    const { address } = await startServer()
    const hosts = [{ type: 'ipv4', text: '127.0.0.2' } as const, ...address.hosts]
    const client = await connectSmp({ ...address, hosts }, { allowAddress: (ip) => ip === '127.0.0.1' })
    await client.close()
  })

  it('a name without addresses is an error of the network', async () => {
    const address = { ...addressOf(1), hosts: [domain('a.example')] }
    const error = await errorOf(connectSmp(address, { lookup: async () => [] }))
    expect(error).toMatchObject({
      code: 'NETWORK',
      temporary: true,
      message: 'expected addresses of a.example, got none',
    })
  })

  it('a look-up that answers with a name does not make the system resolve it', async () => {
    const { address } = await startServer()
    const asked: string[] = []
    const error = await errorOf(
      connectSmp(
        { ...address, hosts: [domain('a.example')] },
        { lookup: async () => ['localhost'], allowAddress: (ip) => asked.push(ip) > 0 },
      ),
    )
    expect(error).toMatchObject({ code: 'NETWORK' })
    expect(asked).toEqual([])
  })

  it.each([
    ['0:0:0:0::0001', '::1'],
    ['::FFFF:7f00:1', '127.0.0.1'],
    ['::1%lo', '::1'],
  ])('allowAddress is asked about %s in its usual spelling', async (text, usual) => {
    const { server } = await startServer({ host: isIP(usual) === 6 ? '::1' : '127.0.0.1' })
    const asked: string[] = []
    const allowAddress = (ip: string) => {
      asked.push(ip)
      return false
    }
    // A literal is no name: who looks names up is not asked.
    const lookup = async () => []
    const error = await errorOf(connectSmp(server.address(text), { lookup, allowAddress }))
    expect(error).toMatchObject({ code: 'REFUSED_ADDRESS' })
    expect(asked).toEqual([usual])
    await (await connectSmp(server.address(text.replace(/%.*/, '')), { lookup })).close()
  })

  it('of a name with any number of addresses only ten are tried', async () => {
    const address = { ...addressOf(1), hosts: [domain('a.example'), domain('b.example')] }
    const asked: string[] = []
    const lookup = async (host: string) => {
      asked.push(host)
      return Array.from({ length: 255 }, (_, i) => `127.0.1.${i}`)
    }
    const error = await errorOf(connectSmp(address, { lookup }))
    expect(error).toMatchObject({ code: 'NETWORK', errors: { length: 10 } })
    expect(asked).toEqual(['a.example'])
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
    const { server } = await startServer()
    const lookup = () => new Promise<string[]>(() => {})
    expect(await errorOf(connectSmp(server.address('a.example'), { lookup, connectTimeout: brief }))).toMatchObject({
      code: 'TIMEOUT',
    })
  })

  it('time without end is allowed, and one signal for many connections', async () => {
    const { address } = await startServer()
    const warnings: Error[] = []
    const onWarning = (warning: Error) => void warnings.push(warning)
    process.on('warning', onWarning)
    const never = Number.POSITIVE_INFINITY
    const options = { connectTimeout: never, handshakeTimeout: never, idleTimeout: never, writeTimeout: never }
    const { signal } = new AbortController()
    const clients = await Promise.all(Array.from({ length: 20 }, () => connectSmp(address, { ...options, signal })))
    for (const client of clients) await client.send(bytes(1))
    await delay(50)
    for (const client of clients) await client.close()
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
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
      const hosts: Host[] = [{ type: 'domain', text: 'a.example' }]
      const connecting = errorOf(connectSmp({ ...addressOf(1), hosts }, { signal: controller.signal, lookup }))
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
