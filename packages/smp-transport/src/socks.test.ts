import dns from 'node:dns'
import dnsPromises from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'
import type { Socket } from 'node:net'
import { type Host, parseHost } from '@smpkit/smp-commands/address'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { connectSmp } from './connect.js'
import { SmpTransportError } from './errors.js'
import { addressOf, at, bytes, cleanUp, errorOf, startServer, startTcp, take } from './testing/fixtures.js'
import { startSocks, through } from './testing/socks-server.js'

afterEach(cleanUp)

/** Far below the tests' own time-out, so that what does not obey it fails. */
const brief = 300
const onion: Host = { type: 'onion', text: `${'abcdefg2'.repeat(7)}.onion` }

/** The names that anything here looks up while `run` runs. */
async function lookups(run: () => Promise<unknown>): Promise<unknown[]> {
  const spies = [vi.spyOn(dns, 'lookup'), vi.spyOn(dnsPromises, 'lookup')]
  syncBuiltinESMExports()
  try {
    await run()
    return spies.flatMap((spy) => spy.mock.calls.map(([name]) => name))
  } finally {
    for (const spy of spies) spy.mockRestore()
    syncBuiltinESMExports()
  }
}

describe('a connection through a SOCKS proxy', () => {
  it('carries blocks both ways', async () => {
    const { address, accepted } = await startServer()
    const client = await connectSmp(address, through(await startSocks()))
    const server = await accepted()
    await client.send(bytes(16366, 7))
    await server.send(bytes(16366, 8))
    expect(await take(server, 1)).toEqual([bytes(16366, 7)])
    expect(await take(client, 1)).toEqual([bytes(16366, 8)])
    await client.close()
    expect(await server.closed).toBeUndefined()
  })

  it('checks the identity of the server', async () => {
    const { address } = await startServer()
    const connecting = connectSmp({ ...address, keyHash: bytes(32) }, through(await startSocks()))
    expect(await errorOf(connecting)).toMatchObject({ code: 'IDENTITY', temporary: false })
  })

  it.each([
    ['a name', 'smp.example', 3, 'smp.example'],
    ['an onion name', onion.text, 3, onion.text],
    ['a name that a resolver takes for an address', '2130706433', 3, '2130706433'],
    ['a name outside of ASCII', 'bücher.example', 3, 'xn--bcher-kva.example'],
    ['an IPv4 address', '192.0.2.1', 1, '192.0.2.1'],
    ['an IPv6 address', '[2001:db8::1]', 4, '20010db8000000000000000000000001'],
    ['an IPv4 address in IPv6', '[::ffff:192.0.2.1]', 1, '192.0.2.1'],
  ])('passes %s on and looks nothing up', async (_, text, addressType, host) => {
    const { address } = await startServer()
    const server = await startSocks({ route: () => ({ port: Number(address.port) }) })
    const names = await lookups(async () => {
      const client = await connectSmp(at(address, parseHost(text)), through(server))
      await client.close()
    })
    expect(server.requests).toMatchObject([{ addressType, host, port: Number(address.port), username: undefined }])
    expect(names).toEqual([])
  })

  it('would be seen to look something up', async () => {
    const direct = () => errorOf(connectSmp(at(addressOf(1), parseHost('localhost'))))
    expect(await lookups(direct)).toContain('localhost')
    // The proxy's own name is the system's to resolve, and no other.
    const { address } = await startServer()
    const { port } = await startSocks({ route: () => ({ port: Number(address.port) }) })
    const proxied = async () =>
      (await connectSmp(at(address, parseHost('smp.example')), { socks: { host: 'localhost', port } })).close()
    expect(await lookups(proxied)).toEqual(['localhost'])
  })

  it('gives the proxy user name and password', async () => {
    const { address } = await startServer()
    const server = await startSocks({ credentials: { username: 'ü'.repeat(127), password: 'geheim' } })
    const client = await connectSmp(address, through(server, { username: 'ü'.repeat(127), password: 'geheim' }))
    await client.close()
    expect(server.requests).toMatchObject([{ username: 'ü'.repeat(127), password: 'geheim' }])
  })

  it('with a user name alone has an empty password', async () => {
    const { address } = await startServer()
    const server = await startSocks()
    await (await connectSmp(address, through(server, { username: 'u' }))).close()
    expect(server.requests).toMatchObject([{ username: 'u', password: '' }])
  })
})

describe('a proxy', () => {
  it('that is not there', async () => {
    expect(await errorOf(connectSmp(addressOf(1), through({ port: 1 })))).toMatchObject({
      code: 'PROXY',
      temporary: true,
      cause: { code: 'ECONNREFUSED' },
    })
  })

  it.each([
    [1, 'NETWORK', true],
    [2, 'PROXY_REFUSED', false],
    [3, 'NETWORK', true],
    [4, 'NETWORK', true],
    [5, 'NETWORK', true],
    [6, 'NETWORK', true],
    [7, 'PROXY_REFUSED', false],
    [8, 'PROXY_REFUSED', false],
    [0xf0, 'NETWORK', true],
  ])('that answers %i is %s, temporary: %s', async (refuse, code, temporary) => {
    const server = await startSocks({ route: () => ({ refuse }) })
    expect(await errorOf(connectSmp(addressOf(1), through(server)))).toMatchObject({ code, temporary })
  })

  it.each([
    ['no credentials', {}],
    ['wrong ones', { username: 'me', password: 'sesame' }],
  ])('that wants credentials refuses %s, and no error contains them', async (_, credentials) => {
    const server = await startSocks({ credentials: { username: 'me', password: 'other' } })
    const error = await errorOf(connectSmp(addressOf(1), through(server, credentials)))
    expect(error).toMatchObject({ code: 'PROXY_REFUSED', temporary: false })
    expect(error.cause).toBeUndefined()
    expect(error.message).not.toMatch(/sesame|\bme\b/)
  })

  const steps = ['greeting', 'authentication', 'request'] as const
  it.each(steps)('that ends the connection after the %s', async (after) => {
    const server = await startSocks({ stop: { after, how: 'close' } })
    const error = await errorOf(connectSmp(addressOf(1), through(server, { username: 'u' })))
    expect(error).toMatchObject({ code: 'PROXY', temporary: true })
  })

  it('that ends the connection after its answer', async () => {
    const { address } = await startServer()
    const server = await startSocks({ stop: { after: 'reply', how: 'close' } })
    expect(await errorOf(connectSmp(address, through(server)))).toMatchObject({ temporary: true })
  })

  it.each([...steps, 'reply'] as const)('that is silent after the %s ends with the time-out', async (after) => {
    const { address } = await startServer()
    const server = await startSocks({ stop: { after, how: 'silence' } })
    const options = { ...through(server, { username: 'u' }), connectTimeout: brief }
    expect(await errorOf(connectSmp(address, options))).toMatchObject({ code: 'TIMEOUT', temporary: true })
    await expect.poll(() => server.sockets.size).toBe(0)
  })

  it.each([...steps, 'reply'] as const)('that is silent after the %s is left with the signal', async (after) => {
    const { address } = await startServer()
    const server = await startSocks({ stop: { after, how: 'silence' } })
    const controller = new AbortController()
    const connecting = errorOf(
      connectSmp(address, { ...through(server, { username: 'u' }), signal: controller.signal }),
    )
    await expect.poll(() => server.sockets.size).toBe(1)
    controller.abort(new Error('reason'))
    expect(await connecting).toMatchObject({ code: 'ABORTED', cause: { message: 'reason' } })
    await expect.poll(() => server.sockets.size).toBe(0)
  })

  it('may take its time where there is no end', async () => {
    const { address } = await startServer()
    const client = await connectSmp(address, {
      ...through(await startSocks()),
      connectTimeout: Number.POSITIVE_INFINITY,
    })
    await client.close()
  })

  it.each([
    ['HTTP', (socket: Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['SOCKS4', (socket: Socket) => socket.write(Uint8Array.of(4, 0))],
    ['an authentication that nobody offered', (socket: Socket) => socket.write(Uint8Array.of(5, 1))],
    ['more than it was asked for', (socket: Socket) => socket.write(Uint8Array.of(5, 2, 1, 0, 9, 9))],
  ])('that speaks %s is none', async (_, instead) => {
    const server = await startSocks({ instead })
    const error = await errorOf(connectSmp(addressOf(1), through(server, { username: 'u' })))
    expect(error).toMatchObject({ code: 'PROXY', temporary: true })
  })

  it('that says anything gets our errors only', async () => {
    const starts = [[], [5, 0], [5, 2], [5, 2, 1, 0], [5, 0, 5, 0, 0, 1], [5, 0, 5, 0, 0, 3], [5, 0, 5, 0, 0, 4]]
    const garbage = fc.tuple(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 40 }))
    let next: Uint8Array = bytes(0)
    const server = await startSocks({
      instead: (socket) => {
        // In two parts, as an answer and what follows.
        socket.write(next.subarray(0, 2))
        setImmediate(() => socket.end(next.subarray(2)))
      },
    })
    await fc.assert(
      fc.asyncProperty(garbage, async ([start, rest]) => {
        next = Uint8Array.of(...start, ...rest)
        const error = await errorOf(connectSmp(addressOf(1), { ...through(server), connectTimeout: brief }))
        expect(error).toBeInstanceOf(SmpTransportError)
      }),
      { numRuns: 150 },
    )
  })

  it.each([
    ['a port that is none', { port: 65_536 }],
    ['the port 0', { port: 0 }],
    ['a user name that is too long', { username: 'ü'.repeat(128) }],
    ['an empty user name', { username: '' }],
    ['a password that is too long', { username: 'u', password: 'x'.repeat(256) }],
    ['a password without user name', { password: 'x' }],
  ])('with %s is refused before anything is sent', async (_, wrong) => {
    const server = await startSocks()
    const error = await errorOf(connectSmp(addressOf(1), through(server, wrong)))
    expect(error).toMatchObject({ code: 'PROXY', temporary: false })
    expect(server.requests).toEqual([])
  })

  it('does not get a name that is too long', async () => {
    const server = await startSocks()
    const long = { type: 'domain', text: 'x'.repeat(256) } as const
    const error = await errorOf(connectSmp(at(addressOf(1), long), through(server)))
    expect(error).toMatchObject({ code: 'NETWORK' })
    expect(server.sockets.size).toBe(0)
  })
})

it('a server that the proxy reaches and that does no TLS ends with the time-out', async () => {
  const address = await startTcp(() => {})
  const error = await errorOf(connectSmp(address, { ...through(await startSocks()), connectTimeout: brief }))
  expect(error).toMatchObject({ code: 'TIMEOUT' })
})
