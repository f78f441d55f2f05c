import { PrivateKey } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import type { QueueSubscription } from './pool-context.js'
import { address, Unreachable } from './testing/fake-network.js'
import { ok } from './testing/fake-server.js'
import { settled } from './testing/manual-clock.js'
import { id, key, ping, queues, results, setUp, waiting } from './testing/pools.js'

describe('subscriptions', () => {
  it('are answered one by one: what is refused is reported and dropped', async () => {
    const refused = id()
    const { network, clock, pool } = setUp()
    network.handler = (one, peer) =>
      String(one.entityId) === String(refused) ? { tag: 'ERR', error: { code: 'AUTH' } } : ok(one, peer)
    const server = pool.server(address())
    const outcomes = await server.subscribe('notifications', [...queues(2), { id: refused, key }, ...queues(1)])
    expect(results(outcomes)).toEqual(['ok', 'ok', 'error', 'ok'])
    expect(outcomes[2]).toMatchObject({ id: refused, kind: 'notifications', error: { code: 'AUTH' } })
    expect(outcomes[2]?.server).toBe(server)
    expect(results(await waiting(pool.outcomes))).toEqual(['ok', 'ok', 'error', 'ok'])
    network.cut()
    await clock.advance(2000)
    expect(network.peer.commands).toHaveLength(3)
    await pool.close()
  })

  it('of one server are sent in batches, SUB and NSUB apart', async () => {
    const { network, pool } = setUp()
    const server = pool.server(address())
    await Promise.all([server.subscribe('messages', queues(300)), server.subscribe('notifications', queues(140))])
    expect(network.attempts).toBe(1)
    expect(network.peer.blocks).toEqual([30, 135, 135, 6, 134])
    await pool.close()
  })

  it('come back after the connection was lost, and each change is told', async () => {
    const { network, clock, pool } = setUp()
    const server = pool.server(address())
    await server.subscribe('notifications', queues(400))
    expect(await waiting(pool.outcomes)).toHaveLength(400)
    expect(await waiting(pool.status)).toMatchObject([{ status: 'up', lostSessions: 0 }])
    network.cut()
    await settled()
    const lost = await waiting(pool.outcomes)
    expect(lost.every(({ result, error }) => result === 'pending' && error?.code === 'CLOSED')).toBe(true)
    expect(lost).toHaveLength(400)
    expect(await waiting(pool.status)).toMatchObject([{ status: 'down', reason: { code: 'CLOSED' }, lostSessions: 1 }])
    await clock.advance(1000)
    expect(network.peers).toHaveLength(2)
    expect(network.peer.commands).toHaveLength(400)
    expect(results(await waiting(pool.outcomes)).filter((result) => result === 'ok')).toHaveLength(400)
    expect(await waiting(pool.status)).toMatchObject([{ status: 'up' }])
    await pool.close()
  })

  it('that had a temporary error are tried again, in the same session', async () => {
    const { network, clock, pool } = setUp()
    let storage = 3
    network.handler = (one, peer) =>
      storage-- > 0 ? { tag: 'ERR', error: { code: 'STORE', text: 'busy' } } : ok(one, peer)
    const server = pool.server(address())
    expect(results(await server.subscribe('messages', queues(4)))).toEqual(['pending', 'pending', 'pending', 'ok'])
    await clock.advance(1000)
    expect(network.attempts).toBe(1)
    expect(network.peer.commands).toHaveLength(7)
    expect(results(await waiting(pool.outcomes))).toEqual(['ok', 'ok', 'ok', 'ok'])
    await pool.close()
  })

  it('that are not answered are tried again, and added ones do not wait for that', async () => {
    const { network, clock, pool } = setUp({ session: { requestTimeout: 1000 } })
    network.handler = () => undefined
    const server = pool.server(address())
    const first = server.subscribe('messages', queues(2))
    await settled()
    await clock.advance(1000)
    expect(results(await first)).toEqual(['pending', 'pending'])
    network.handler = ok
    expect(results(await server.subscribe('messages', queues(1)))).toEqual(['ok'])
    await settled()
    expect(network.peer.commands).toHaveLength(5)
    await pool.close()
  })

  it('settle as pending when there is no connection, and are subscribed when there is', async () => {
    const { network, clock, pool } = setUp()
    network.failure = new Unreachable()
    const server = pool.server(address())
    const [outcome] = await server.subscribe('notifications', queues(1))
    expect(outcome).toMatchObject({ result: 'pending', error: { code: 'CONNECT' } })
    network.failure = undefined
    await clock.advance(1000)
    expect((await waiting(pool.outcomes)).at(-1)).toMatchObject({ result: 'ok' })
    await pool.close()
  })

  it('at an address that is refused before it is tried are final', async () => {
    const { network, clock, pool } = setUp()
    network.failure = new Unreachable('REFUSED_ADDRESS')
    const server = pool.server(address())
    const outcomes = await server.subscribe('notifications', queues(2))
    expect(outcomes).toMatchObject([{ result: 'error' }, { result: 'error' }])
    await clock.advance(60_000)
    expect(network.attempts).toBe(1)
    await pool.close()
  })

  it('at an address that was reached before are tried again, whatever becomes of it', async () => {
    const { network, clock, pool } = setUp()
    const server = pool.server(address())
    await server.subscribe('notifications', queues(2))
    network.failure = new Unreachable('REFUSED_ADDRESS')
    network.cut()
    await clock.advance(5000)
    expect(server.tables.notifications.size).toBe(2)
    network.failure = undefined
    await clock.advance(20_000)
    expect(server.tables.notifications.hasWork).toBe(false)
    await pool.close()
  })

  it('that were forgotten are not subscribed again, and their answers do not count', async () => {
    const { network, clock, pool } = setUp()
    const server = pool.server(address())
    const list = queues(3)
    await server.subscribe('messages', list)
    await waiting(pool.outcomes)
    server.unsubscribe('messages', [(list[1] as QueueSubscription).id, id()])
    network.cut()
    await clock.advance(1000)
    expect(network.peer.commands).toHaveLength(2)
    server.unsubscribe(
      'messages',
      list.map(({ id }) => id),
    )
    // One at most: it was taken before.
    expect((await waiting(pool.outcomes)).length).toBeLessThanOrEqual(1)
    network.cut()
    await clock.advance(60_000)
    expect(network.attempts).toBe(2)
    await pool.close()
  })

  it('that are asked for again are verified again', async () => {
    const { network, pool } = setUp()
    const server = pool.server(address())
    const list = queues(1)
    await server.subscribe('notifications', list)
    network.handler = () => ({ tag: 'ERR', error: { code: 'AUTH' } })
    expect(results(await server.subscribe('notifications', list))).toEqual(['error'])
    expect(network.peer.commands).toHaveLength(2)
    await pool.close()
  })

  it('that are asked for twice at the same time settle both, also with another key', async () => {
    const { network, pool } = setUp()
    const server = pool.server(address())
    await server.request(ping)
    network.peer.held = []
    const list = queues(2)
    const first = server.subscribe('notifications', list)
    await settled()
    const again = server.subscribe('notifications', list)
    const otherKey = server.subscribe('notifications', [
      { id: (list[0] as QueueSubscription).id, key: PrivateKey.generate('ed25519') },
    ])
    let early = false
    void first.then(() => {
      early = true
    })
    await settled()
    expect(early).toBe(false)
    network.peer.release()
    expect(results(await again)).toContain('ok')
    expect(results(await otherKey)).toEqual(['ok'])
    expect(await first).toHaveLength(2)
    await pool.close()
  })

  it('of one queue with two keys are those of the last', async () => {
    const { network, pool } = setUp()
    const [queue] = queues(1) as [QueueSubscription]
    const outcomes = await pool
      .server(address())
      .subscribe('messages', [queue, { ...queue, key: PrivateKey.generate('ed25519') }])
    expect(results(outcomes)).toEqual(['pending', 'ok'])
    expect(network.peer.commands).toHaveLength(1)
    await pool.close()
  })

  it('of one kind do not wait for those of the other', async () => {
    const { network, pool } = setUp()
    network.handler = (one, peer) => (one.command.tag === 'NSUB' ? undefined : ok(one, peer))
    const server = pool.server(address())
    void server.subscribe('notifications', queues(3))
    expect(results(await server.subscribe('messages', queues(1)))).toEqual(['ok'])
    await pool.close()
  })

  it('that have to wait before they are tried again do not delay the next connection', async () => {
    const { network, clock, pool } = setUp({ reconnect: { firstDelay: 1000, factor: 100, maxDelay: 100_000 } })
    const busy = id()
    network.handler = (one, peer) =>
      String(one.entityId) === String(busy) ? { tag: 'ERR', error: { code: 'STORE', text: '' } } : ok(one, peer)
    const server = pool.server(address())
    await server.subscribe('messages', [{ id: busy, key }, ...queues(1)])
    await clock.advance(20_000)
    network.cut()
    await clock.advance(2000)
    expect(network.attempts).toBe(2)
    await pool.close()
  })

  it('are not confirmed by answers of a session that is gone', async () => {
    const { network, clock, pool } = setUp()
    const server = pool.server(address())
    // The answers are on their way when the session ends.
    network.handler = (one, peer) => {
      if (peer === network.peers[0]) network.cut()
      return ok(one, peer)
    }
    const outcomes = await server.subscribe('notifications', queues(5))
    expect(results(outcomes)).toEqual(Array(5).fill('pending'))
    await clock.advance(1000)
    expect(network.peer.commands).toHaveLength(5)
    expect(results(await waiting(pool.outcomes))).toEqual(Array(5).fill('ok'))
    await pool.close()
  })
})
