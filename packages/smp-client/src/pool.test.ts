import { randomBytes } from '@smpkit/crypto'
import { serverKey } from '@smpkit/smp-commands/address'
import { describe, expect, it } from 'vitest'
import { SmpClientError } from './errors.js'
import { SmpPool } from './pool.js'
import type { QueueSubscription } from './pool-context.js'
import { address, Unreachable } from './testing/fake-network.js'
import { ok } from './testing/fake-server.js'
import { settled } from './testing/manual-clock.js'
import { id, ping, queues, results, setUp, waiting } from './testing/pools.js'

describe('connections', () => {
  it('are made once for all who ask at the same time, and then kept', async () => {
    const { network, pool } = setUp()
    const server = pool.server(address())
    const answers = await Promise.all([1, 2, 3].map(() => server.request(ping)))
    await server.requestAll([ping, ping])
    expect(answers).toHaveLength(3)
    expect(network.attempts).toBe(1)
    await pool.close()
  })

  it('are one for each server and user', async () => {
    const { network, pool } = setUp()
    const [a, b] = [address(), address()]
    expect(pool.server({ ...a })).toBe(pool.server(a))
    for (const server of [pool.server(a), pool.server(b), pool.server(a, 'someone'), pool.server(a, 'else')]) {
      await server.request(ping)
    }
    expect(network.attempts).toBe(4)
    await pool.close()
  })

  it('go where their server was moved to, where it is found at once', async () => {
    const { network, clock, pool } = setUp()
    const [before, after, elsewhere] = [address(), address(), address()]
    pool.server(elsewhere)
    const server = pool.server(before)
    await server.connected()
    expect(() => pool.move(server, elsewhere)).toThrow(SmpClientError)
    pool.move(server, after)
    expect(pool.server(after)).toBe(server)
    expect(pool.server(before)).not.toBe(server)
    network.cut()
    await clock.advance(2000)
    await server.connected()
    expect(network.servers).toEqual([serverKey(before), serverKey(after)])
    await pool.close()
  })

  it('that cannot be made fail the requests that wait for it, and not the next ones', async () => {
    const { network, clock, pool } = setUp()
    network.failure = new Unreachable()
    const server = pool.server(address())
    for (const request of [1, 2].map(() => server.request(ping))) {
      await expect(request).rejects.toMatchObject({ code: 'CONNECT', temporary: true })
    }
    expect(network.attempts).toBe(1)
    network.failure = undefined
    const later = server.request(ping)
    await settled()
    expect(network.attempts).toBe(1)
    await clock.advance(1000)
    expect(await later).toEqual({ tag: 'PONG' })
    await pool.close()
  })

  it('are given up after the connect time-out, and by those who abort', async () => {
    const { network, clock, pool } = setUp({ connectTimeout: 5000 })
    network.stuck = true
    const server = pool.server(address())
    const controller = new AbortController()
    const aborted = server.request(ping, { signal: controller.signal })
    const timedOut = server.request(ping)
    await settled()
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
    const expectation = expect(timedOut).rejects.toMatchObject({ code: 'CONNECT', temporary: true })
    await clock.advance(5000)
    await expectation
    await pool.close()
    expect(clock.timers).toBe(0)
  })

  it('without subscriptions are not made again before they are needed', async () => {
    const { network, clock, pool } = setUp()
    const server = pool.server(address())
    await server.request(ping)
    network.cut()
    await clock.advance(60_000)
    expect(network.attempts).toBe(1)
    expect(await server.request(ping)).toEqual({ tag: 'PONG' })
    expect(network.attempts).toBe(2)
    await pool.close()
  })

  it('of many servers are not all made at once', async () => {
    const { network, pool } = setUp({ maxConnecting: 3 })
    await Promise.all(Array.from({ length: 20 }, () => pool.server(address()).request(ping)))
    expect(network.attempts).toBe(20)
    expect(network.maxConcurrent).toBe(3)
    await pool.close()
  })

  it('of servers that fail do not keep the others waiting', async () => {
    const { network, clock, pool } = setUp({ maxConnecting: 4, connectTimeout: 45_000 })
    network.stuck = true
    const dead = Array.from({ length: 20 }, () => pool.server(address()))
    for (const server of dead) void server.subscribe('notifications', queues(1))
    await settled()
    // Each has failed once, and is tried again and again.
    await clock.advance(6 * 45_000)
    expect(network.concurrent).toBe(2)
    network.stuck = false
    const [late] = await pool.server(address()).subscribe('notifications', queues(1))
    expect(late?.result).toBe('ok')
    await pool.close()
    expect(clock.timers).toBe(0)
  })

  it('that wait for their turn are given up when their server is closed', async () => {
    const { network, pool } = setUp({ maxConnecting: 1 })
    network.stuck = true
    const [first, second] = [pool.server(address()), pool.server(address())]
    const requests = [first, second].map((server) => server.request(ping).catch((error: unknown) => error))
    await settled()
    await second.close()
    expect(await requests[1]).toMatchObject({ code: 'CLOSED' })
    expect(network.attempts).toBe(1)
    await pool.close()
    expect(await requests[0]).toMatchObject({ code: 'CLOSED' })
  })

  it('count for the time-out that a request is given', async () => {
    const { network, clock, pool } = setUp()
    network.stuck = true
    const server = pool.server(address())
    const late = server.request(ping, { timeout: 1000 }).catch((error: unknown) => error)
    await clock.advance(1000)
    expect(await late).toMatchObject({ code: 'TIMEOUT', temporary: true })
    await pool.close()
    expect(clock.timers).toBe(0)
  })

  it('are tried again after delays that grow and are spread', async () => {
    const random = [0, 0.999, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    const { network, clock, pool } = setUp({ random: () => random.shift() ?? 0.5 })
    network.failure = new Unreachable()
    const times: number[] = []
    const connect = network.connect
    const own = new SmpPool({
      clock,
      random: () => random.shift() ?? 0.5,
      connect: (server, options) => {
        times.push(clock.now())
        return connect(server, options)
      },
    })
    void own.server(address()).subscribe('messages', queues(1))
    await settled()
    await clock.advance(60_000)
    const delays = times.slice(1).map((time, i) => Math.round(time - (times[i] as number)))
    expect(delays.slice(0, 8)).toEqual([500, 2249, 2250, 3375, 5063, 7594, 10_000, 10_000])
    await own.close()
    await pool.close()
  })
})

describe('events', () => {
  it('come with their server and session, those included that a lost session left', async () => {
    const { network, pool } = setUp()
    const server = pool.server(address())
    const list = queues(1)
    await server.subscribe('notifications', list)
    const entityId = (list[0] as QueueSubscription).id
    const { session } = server
    const nmsg = { tag: 'NMSG', nonce: id(), encMeta: randomBytes(144) } as const
    network.peer.send(entityId, nmsg)
    await settled()
    network.cut()
    await settled()
    const [event] = await waiting(pool.events)
    expect(event).toMatchObject({ entityId, message: nmsg })
    expect(event?.server).toBe(server)
    expect(event?.session).toBe(session)
    await pool.close()
  })

  it('END and DELD end a subscription for good', async () => {
    const { network, clock, pool } = setUp()
    const server = pool.server(address())
    const list = queues(3)
    await server.subscribe('messages', list)
    await waiting(pool.outcomes)
    network.peer.send((list[0] as QueueSubscription).id, { tag: 'END' })
    network.peer.send((list[1] as QueueSubscription).id, { tag: 'DELD' })
    await settled()
    expect(results(await waiting(pool.outcomes))).toEqual(['ended', 'deleted'])
    expect((await waiting(pool.events)).map(({ message }) => message.tag)).toEqual(['END', 'DELD'])
    network.cut()
    await clock.advance(1000)
    expect(network.peer.commands).toHaveLength(1)
    await pool.close()
  })

  it('END of a session that is gone counts for nothing', async () => {
    const { network, clock, pool } = setUp({ eventBuffer: 1, session: { eventBuffer: 100 } })
    const server = pool.server(address())
    const list = queues(1)
    await server.subscribe('messages', list)
    const entityId = (list[0] as QueueSubscription).id
    // The pool is full, so that the END waits in the session when that ends.
    const { peer } = network
    for (let i = 0; i < 3; i++) peer.send(entityId, { tag: 'MSG', msgId: id(), encBody: id() })
    peer.send(entityId, { tag: 'END' })
    await settled()
    network.cut()
    await clock.advance(1000)
    expect(network.attempts).toBe(2)
    await settled()
    expect((await waiting(pool.events)).map(({ message }) => message.tag)).toEqual(['MSG', 'MSG', 'MSG'])
    expect(server.tables.messages.size).toBe(1)
    expect((await waiting(pool.outcomes)).at(-1)?.result).toBe('ok')
    await pool.close()
  })

  it('of more servers than have room all come, and none is forgotten', async () => {
    const { network, pool } = setUp({ eventBuffer: 1 })
    const servers = Array.from({ length: 10 }, () => pool.server(address()))
    for (const server of servers) await server.request(ping)
    for (const peer of network.peers) for (let i = 0; i < 2; i++) peer.send(id(), { tag: 'DELD' })
    await settled()
    expect(await waiting(pool.events)).toHaveLength(20)
    // Nobody waits for room that will not come.
    for (const peer of network.peers) peer.send(id(), { tag: 'DELD' })
    expect(await waiting(pool.events)).toHaveLength(10)
    await pool.close()
  })

  it('do not keep the one who takes them from closing a server', async () => {
    const { network, pool } = setUp({ eventBuffer: 1 })
    const server = pool.server(address())
    await server.request(ping)
    for (let i = 0; i < 5; i++) network.peer.send(id(), { tag: 'DELD' })
    await settled()
    await server.close()
    expect(await waiting(pool.events)).toHaveLength(5)
    await pool.close()
  })

  it('that nobody takes let a server end only so many sessions', async () => {
    const { network, clock, pool } = setUp({ eventBuffer: 1 })
    const server = pool.server(address())
    void server.subscribe('notifications', queues(1))
    for (let i = 0; i < 6; i++) {
      await clock.advance(20_000)
      for (let j = 0; j < 10; j++) network.peer.send(id(), { tag: 'DELD' })
      await settled()
      network.cut()
    }
    expect(network.attempts).toBe(3)
    expect(server.reason?.code).toBe('OVERFLOW')
    const refused = server.request(ping).catch((error: unknown) => error)
    await clock.advance(20_000)
    expect(await refused).toMatchObject({ code: 'OVERFLOW', temporary: true })
    expect(await waiting(pool.events)).toHaveLength(30)
    await clock.advance(20_000)
    expect(network.attempts).toBe(4)
    await pool.close()
  })

  it('that nobody takes stop the reading, and not the answers', async () => {
    const { network, pool } = setUp({ eventBuffer: 5, session: { eventBuffer: 5 } })
    const server = pool.server(address())
    await server.request(ping)
    for (let i = 0; i < 30; i++) network.peer.send(id(), { tag: 'END' })
    for (let i = 0; i < 30; i++) network.peer.send(id(), { tag: 'NMSG', nonce: id(), encMeta: id() })
    await settled(100)
    expect(network.connections[0]?.waiting).toBeGreaterThan(40)
    expect(await server.request(ping)).toEqual({ tag: 'PONG' })
    expect(await waiting(pool.events)).toHaveLength(60)
    await pool.close()
  })
})

describe('close', () => {
  it('settles everything and leaves no timer', async () => {
    const { network, clock, pool } = setUp()
    const [a, b, c] = [address(), address(), address()].map((one) => pool.server(one))
    await a?.subscribe('messages', queues(3))
    network.handler = () => undefined
    const request = a?.request(ping).catch((error: unknown) => error)
    const subscribing = b?.subscribe('messages', queues(3))
    await settled()
    network.failure = new Unreachable()
    const retried = c?.subscribe('messages', queues(1))
    await settled()
    const event = pool.events.next()
    await pool.close()
    expect(await request).toMatchObject({ code: 'CLOSED' })
    expect(results((await subscribing) ?? [])).toEqual(['pending', 'pending', 'pending'])
    expect(results((await retried) ?? [])).toEqual(['pending'])
    expect(await event).toEqual({ value: undefined, done: true })
    expect(clock.timers).toBe(0)
    expect(() => pool.server(address())).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    await expect(a?.request(ping)).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(a?.subscribe('messages', queues(1))).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('gives an attempt to connect up', async () => {
    const { network, clock, pool } = setUp()
    network.stuck = true
    const request = pool
      .server(address())
      .request(ping)
      .catch((error: unknown) => error)
    await settled()
    await pool.close()
    expect(await request).toMatchObject({ code: 'CLOSED' })
    expect(clock.timers).toBe(0)
  })

  it('of one server leaves the others, and the next use starts anew', async () => {
    const { network, pool } = setUp()
    const [a, b] = [address(), address()]
    await pool.server(a).request(ping)
    await pool.server(b).request(ping)
    await pool.server(a).close()
    expect(pool.servers()).toHaveLength(1)
    await pool.server(a).request(ping)
    expect(network.attempts).toBe(3)
    await pool.close()
  })
})

describe('a connection that dies at any point', () => {
  it('leaves every subscription subscribed in the end, and the promises settled', async () => {
    for (let cutAt = 0; cutAt < 12; cutAt++) {
      const { network, clock, pool } = setUp()
      let commands = 0
      network.handler = (one, peer) => {
        if (commands++ === cutAt * 40) network.cut()
        return ok(one, peer)
      }
      const server = pool.server(address())
      const list = queues(400)
      const first = server.subscribe('notifications', list)
      await settled(50)
      await clock.advance(20_000)
      await settled(50)
      expect(await first).toHaveLength(400)
      expect(server.tables.notifications.hasWork).toBe(false)
      const last = new Map((await waiting(pool.outcomes)).map(({ id, result }) => [String(id), result]))
      expect([...last.values()].filter((result) => result === 'ok')).toHaveLength(400)
      await pool.close()
    }
  })
})
