import { SmpTransportError } from '@smpkit/smp-transport'
import { afterEach, describe, expect, it } from 'vitest'
import { ntfAddressToText } from './address.js'
import { NtfClient, type NtfClientOptions } from './client.js'
import type { NtfConnect } from './connect.js'
import { connectNtf } from './connect-ntf.js'
import { cleanUp, cleanUpLater } from './testing/cleanup.js'
import { ManualClock, settled } from './testing/manual-clock.js'
import { identity, ok, startServer } from './testing/ntf-server.js'
import { check, checks, ping } from './testing/requests.js'
import { bytes, errorOf } from './testing/sockets.js'

afterEach(cleanUp)

const nowhere = { hosts: [{ type: 'ipv4', text: '127.0.0.1' }], port: '1', keyHash: bytes(32) } as const
const refuse: NtfConnect = async () => {
  throw new SmpTransportError('NETWORK', 'refused')
}
const never: NtfConnect = (_, { signal }) =>
  new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('given up'))))

/** A client whose time stands still, which counts its attempts to connect. */
function clientOf(address: ConstructorParameters<typeof NtfClient>[0], options: NtfClientOptions = {}) {
  const clock = new ManualClock()
  const attempts: number[] = []
  const { connect = connectNtf } = options
  const client = new NtfClient(address, {
    random: () => 0.5,
    ...options,
    clock,
    connect: (server, connecting) => {
      attempts.push(clock.now())
      return connect(server, connecting)
    },
  })
  cleanUpLater(() => client.close())
  return { client, clock, attempts }
}

describe('a client', () => {
  it('connects when it is asked something, once for all who ask', async () => {
    const server = await startServer()
    const { client, attempts } = clientOf(ntfAddressToText(server.address))
    await settled()
    expect(attempts).toEqual([])
    await Promise.all([client.request(ping), client.requestAll(checks(5)), client.request(check())])
    await client.request(ping)
    expect(attempts).toHaveLength(1)
    expect(server.peers).toHaveLength(1)
    expect(server.peers[0]?.commands).toHaveLength(8)
  })

  it('reads no address that is none, nor one with a password', () => {
    expect(() => new NtfClient('ntf://nowhere')).toThrow(expect.objectContaining({ name: 'AddressError' }))
  })

  it('tells why it cannot connect, to each who asks', async () => {
    const { client, attempts } = clientOf(nowhere, { connect: refuse })
    const errors = await Promise.all([errorOf(client.request(ping)), errorOf(client.request(check()))])
    for (const error of errors) {
      expect(error).toMatchObject({
        name: 'NtfClientError',
        code: 'CONNECT',
        temporary: true,
        cause: { code: 'NETWORK' },
      })
    }
    expect(attempts).toHaveLength(1)
  })

  it('has an outcome for each of a list that it cannot send', async () => {
    const { client } = clientOf(nowhere, { connect: refuse })
    const outcomes = await client.requestAll(checks(3))
    expect(outcomes.map(({ error }) => error?.code)).toEqual(['CONNECT', 'CONNECT', 'CONNECT'])
    expect(await client.requestAll([])).toEqual([])
  })

  it('says that another server than that of the address will not do', async () => {
    const server = await startServer()
    const { client } = clientOf({ ...server.address, keyHash: bytes(32) })
    expect(await errorOf(client.request(ping))).toMatchObject({ code: 'CONNECT', temporary: false })
  })

  it('ends an attempt that takes too long', async () => {
    const { client, clock } = clientOf(nowhere, { connect: never, connectTimeout: 1000 })
    const error = errorOf(client.request(ping))
    await settled()
    await clock.advance(1000)
    expect(await error).toMatchObject({ code: 'CONNECT', temporary: true })
    expect(clock.timers).toEqual([])
  })
})

describe('after a failure', () => {
  it('it waits before the next attempt, 2 seconds and then longer, up to 180', async () => {
    const { client, clock, attempts } = clientOf(nowhere, { connect: refuse })
    for (let i = 0; i < 15; i++) {
      const error = errorOf(client.request(ping))
      await settled()
      await clock.advance(clock.timers[0] ?? 0)
      expect(await error).toMatchObject({ code: 'CONNECT' })
    }
    const delays = attempts.slice(1).map((at, i) => Math.round(at - (attempts[i] as number)))
    expect(delays.slice(0, 4)).toEqual([2000, 3000, 4500, 6750])
    expect(delays.at(-1)).toBe(180_000)
  })

  it.each([
    [0, 1000],
    [1, 3000],
  ])('the delay is spread: %s', async (random, delay) => {
    const { client, clock } = clientOf(nowhere, { connect: refuse, random: () => random })
    await errorOf(client.request(ping))
    client.request(ping).catch(() => {})
    await settled()
    expect(clock.timers).toEqual([delay])
  })

  it('it makes no attempt that nobody asks for', async () => {
    const { client, clock, attempts } = clientOf(nowhere, { connect: refuse })
    await errorOf(client.request(ping))
    expect(clock.timers).toEqual([])
    await clock.advance(1e6)
    expect(attempts).toHaveLength(1)
    // What was due is over.
    await errorOf(client.request(ping))
    expect(attempts).toHaveLength(2)
  })
})

describe('a session that ends', () => {
  it('fails what waits, which is not sent again, and is followed by another', async () => {
    const server = await startServer((one, peer) => {
      if (one.command.tag === 'PING') return ok(one, peer)
      void peer.connection.close()
      return undefined
    })
    const { client, clock, attempts } = clientOf(server.address)
    expect(await errorOf(client.request(check()))).toMatchObject({ code: 'CLOSED', temporary: true })
    await settled()
    expect(client.session).toBeUndefined()
    const next = client.request(ping)
    await settled()
    expect(attempts).toHaveLength(1)
    await clock.advance(2000)
    expect(await next).toEqual({ tag: 'PONG' })
    expect(server.peers.map(({ commands }) => commands.length)).toEqual([1, 1])
  })

  it('was no failure if it was there for 10 seconds, else the delay grows', async () => {
    const server = await startServer()
    const { client, clock } = clientOf(server.address)
    const delays: (number | undefined)[] = []
    for (const life of [0, 9999, 10_000, 0]) {
      const asked = client.request(ping)
      await settled()
      delays.push(clock.timers[0])
      if (server.peers.length < delays.length) await clock.advance(clock.timers[0] ?? 0)
      await asked
      await clock.advance(life)
      await server.peers.at(-1)?.connection.close()
      await expect.poll(() => client.session).toBeUndefined()
    }
    client.request(ping).catch(() => {})
    await settled()
    delays.push(clock.timers[0])
    expect(delays.slice(1)).toEqual([2000, 3000, 2000, 3000])
  })

  it('with its server comes back with it', async () => {
    const first = await startServer()
    const { client, clock, attempts } = clientOf(first.address)
    await client.request(ping)
    await first.close()
    await expect.poll(() => client.session).toBeUndefined()
    const failed = errorOf(client.request(ping))
    await settled()
    await clock.advance(2000)
    expect(await failed).toMatchObject({ code: 'CONNECT' })
    await startServer(ok, { port: Number(first.address.port) })
    const asked = client.request(ping)
    await settled()
    await clock.advance(3000)
    expect(await asked).toEqual({ tag: 'PONG' })
    expect(attempts).toHaveLength(3)
  })
})

describe('who asks', () => {
  it('can limit the time, to connect included', async () => {
    const { client, clock } = clientOf(nowhere, { connect: never })
    const error = errorOf(client.request(ping, { timeout: 500 }))
    const outcomes = client.requestAll([ping], { timeout: 500 })
    await clock.advance(500)
    expect(await error).toMatchObject({ code: 'TIMEOUT' })
    expect(await outcomes).toMatchObject([{ error: { code: 'TIMEOUT' } }])
  })

  it('has what is left of that time for the answer', async () => {
    const server = await startServer(() => undefined)
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const { client, clock } = clientOf(server.address, { connect: (...args) => gate.then(() => connectNtf(...args)) })
    const error = errorOf(client.request(ping, { timeout: 500 }))
    await clock.advance(400)
    go()
    await expect.poll(() => server.peers[0]?.commands).toHaveLength(1)
    expect(clock.timers).toEqual([100])
    await clock.advance(100)
    expect(await error).toMatchObject({ code: 'TIMEOUT' })
  })

  it('can give up while it connects, which the others do not notice', async () => {
    const server = await startServer()
    const { client, attempts } = clientOf(server.address)
    const controller = new AbortController()
    const given = errorOf(client.request(ping, { signal: controller.signal }))
    const other = client.request(ping)
    controller.abort()
    expect(await given).toMatchObject({ code: 'ABORTED' })
    expect(await other).toEqual({ tag: 'PONG' })
    expect(await errorOf(client.request(ping, { signal: controller.signal }))).toMatchObject({ code: 'ABORTED' })
    expect(attempts).toHaveLength(1)
  })
})

describe('closing', () => {
  it.each([
    ['while it connects', never],
    ['while it waits', refuse],
  ])('%s ends that', async (_, connect) => {
    const { client, clock } = clientOf(nowhere, { connect })
    if (connect === refuse) await errorOf(client.request(ping))
    const asked = errorOf(client.request(ping))
    await settled()
    await client.close()
    expect(await asked).toMatchObject({ code: 'CLOSED' })
    expect(clock.timers).toEqual([])
    expect(await errorOf(client.request(ping))).toMatchObject({ code: 'CLOSED' })
  })

  it('ends the session and what waits in it', async () => {
    const server = await startServer(() => undefined, { identity })
    const { client, attempts } = clientOf(server.address)
    const asked = errorOf(client.request(ping))
    await expect.poll(() => server.peers[0]?.commands).toHaveLength(1)
    await client[Symbol.asyncDispose]()
    expect(await asked).toMatchObject({ code: 'CLOSED' })
    await server.peers[0]?.connection.closed
    expect(await errorOf(client.request(ping))).toMatchObject({ code: 'CLOSED' })
    expect(attempts).toHaveLength(1)
  })
})
