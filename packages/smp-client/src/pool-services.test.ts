import { emptyIdsHash, PrivateKey, randomBytes, xorIdsHash } from '@smpkit/crypto'
import type { BrokerMessage, ServiceQueues } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import { type PoolOptions, SmpPool } from './pool.js'
import type { QueueSubscription } from './pool-context.js'
import { address, FakeNetwork } from './testing/fake-network.js'
import { type FakePeer, ok } from './testing/fake-server.js'
import { ManualClock, settled } from './testing/manual-clock.js'

const key = PrivateKey.generate('ed25519')
const id = () => randomBytes(24)
const serviceId = id()
const queues = (count: number): QueueSubscription[] => Array.from({ length: count }, () => ({ id: id(), key }))
const credentials = { role: 'notifier', certChain: [], privateKey: PrivateKey.generate('ed25519') } as const

/** What the server has of the service, as far as `NSUBS` tells. */
const queuesOf = (ids: readonly { readonly id: Uint8Array }[]): ServiceQueues => ({
  count: BigInt(ids.length),
  idsHash: ids.reduce((hash, { id }) => xorIdsHash(hash, id), emptyIdsHash()),
})

/** A server with a service: NSUB associates queues, NSUBS answers that it has what we expect, or with `answer`. */
function setUp(
  answer: (expected: ServiceQueues) => BrokerMessage | ServiceQueues = (expected) => expected,
  options: PoolOptions = {},
) {
  const network = new FakeNetwork()
  const clock = new ManualClock()
  network.options = ({ service }) => (service ? { service: { role: service.role, serviceId } } : {})
  network.handler = (one, peer) => {
    const { command } = one
    if (command.tag === 'NSUB') return { tag: 'SOK', serviceId: peer.session.service?.serviceId ?? null }
    if (command.tag !== 'NSUBS') return ok(one, peer)
    const { count = 0n, idsHash = emptyIdsHash() } = command
    const answered = answer({ count, idsHash })
    return 'tag' in answered ? answered : { tag: 'SOKS', ...answered }
  }
  const pool = new SmpPool({
    connect: network.connect,
    clock,
    random: () => 0.5,
    service: () => credentials,
    ...options,
  })
  return { network, clock, pool, server: pool.server(address()) }
}

const tags = (peer: FakePeer) => peer.commands.map(({ command }) => command.tag)
const results = (outcomes: readonly { result: string }[]) => outcomes.map(({ result }) => result)

describe('a server that gives a service id', () => {
  it('counts queues to the service by NSUB, and after a reconnection one NSUBS subscribes them', async () => {
    const { network, clock, pool, server } = setUp()
    const list = queues(3)
    const outcomes = await server.subscribe('notifications', list)
    expect(outcomes.map((outcome) => outcome.serviceId)).toEqual([serviceId, serviceId, serviceId])
    expect(network.peer.commands.every(({ authorization }) => authorization?.serviceSignature)).toBe(true)
    network.cut()
    await clock.advance(1000)
    expect(tags(network.peer)).toEqual(['NSUBS'])
    const [nsubs] = network.peer.commands
    const idsHash = list.reduce((hash, { id }) => xorIdsHash(hash, id), emptyIdsHash())
    expect(nsubs).toMatchObject({ entityId: serviceId, command: { count: 3n, idsHash } })
    expect(nsubs?.authorization?.kind).toBe('ed25519')
    expect(server.tables.notifications.hasWork).toBe(false)
    await pool.close()
  })

  it('subscribes what it counted earlier by NSUBS, and the others by NSUB after it', async () => {
    const { network, pool, server } = setUp()
    const known = queues(3).map((queue) => ({ ...queue, serviceId }))
    const outcomes = await server.subscribe('notifications', [...known, ...queues(2)])
    expect(results(outcomes)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok'])
    expect(tags(network.peer)).toEqual(['NSUBS', 'NSUB', 'NSUB'])
    await pool.close()
  })

  it.each([
    ['has none of the queues', () => queuesOf([])],
    ['has fewer queues', () => queuesOf(queues(2))],
    ['has more queues', () => queuesOf(queues(4))],
    ['has others', () => queuesOf(queues(3))],
    ['does not know the service', (): BrokerMessage => ({ tag: 'ERR', error: { code: 'SERVICE' } })],
    ['does not allow it', (): BrokerMessage => ({ tag: 'ERR', error: { code: 'CMD', inner: { code: 'PROHIBITED' } } })],
  ])('and %s gets an NSUB for each, once', async (_, answer) => {
    const { network, clock, pool, server } = setUp(answer)
    const known = queues(3).map((queue) => ({ ...queue, serviceId }))
    expect(results(await server.subscribe('notifications', known))).toEqual(['ok', 'ok', 'ok'])
    await clock.advance(60_000)
    expect(tags(network.peer).slice(0, 4)).toEqual(['NSUBS', 'NSUB', 'NSUB', 'NSUB'])
    expect(tags(network.peer).filter((tag) => tag === 'NSUB')).toHaveLength(3)
    expect(server.tables.notifications.hasWork).toBe(false)
    await pool.close()
  })

  it('and counts queues that are not ours any more is asked for the others alone only once', async () => {
    const foreign = queues(2)
    const known = queues(3).map((queue) => ({ ...queue, serviceId }))
    const { network, clock, pool, server } = setUp(() => queuesOf([...known, ...foreign]))
    await server.subscribe('notifications', known)
    await settled()
    expect(tags(network.peer)).toEqual(['NSUBS', 'NSUB', 'NSUB', 'NSUB', 'NSUBS'])
    network.cut()
    await clock.advance(2000)
    expect(tags(network.peer)).toEqual(['NSUBS'])
    expect(server.tables.notifications.hasWork).toBe(false)
    await pool.close()
  })

  it('is expected to keep what we have forgotten, until it says that this was deleted', async () => {
    const known = queues(4).map((queue) => ({ ...queue, serviceId }))
    const [forgotten, deletedLater] = known as [QueueSubscription, QueueSubscription]
    let had: readonly QueueSubscription[] = known
    const { network, clock, pool, server } = setUp(() => queuesOf(had))
    await server.subscribe('notifications', known)
    server.unsubscribe('notifications', [forgotten.id, deletedLater.id])
    network.cut()
    await clock.advance(2000)
    expect(tags(network.peer)).toEqual(['NSUBS'])
    had = known.filter(({ id }) => id !== deletedLater.id)
    network.peer.send(deletedLater.id, { tag: 'DELD' })
    await settled()
    network.cut()
    await clock.advance(3000)
    expect(tags(network.peer)).toEqual(['NSUBS'])
    expect(server.tables.notifications.size).toBe(2)
    await pool.close()
  })

  it('is not surprised by a queue whose key was read again', async () => {
    const raw = key.toRaw()
    const list = queues(2)
    const { network, clock, pool, server } = setUp(() => queuesOf(list))
    await server.subscribe('notifications', list)
    const again = list.map(({ id }) => ({ id, key: PrivateKey.fromRaw('ed25519', raw) }))
    expect(results(await server.subscribe('notifications', again))).toEqual(['ok', 'ok'])
    network.cut()
    await clock.advance(1000)
    expect(tags(network.peer)).toEqual(['NSUBS'])
    await pool.close()
  })

  it('gets NSUBS again when it could not answer now', async () => {
    let busy = true
    const { network, clock, pool, server } = setUp((expected) =>
      busy ? { tag: 'ERR', error: { code: 'STORE', text: '' } } : expected,
    )
    const known = queues(3).map((queue) => ({ ...queue, serviceId }))
    const outcomes = await server.subscribe('notifications', known)
    expect(results(outcomes)).toEqual(['pending', 'pending', 'pending'])
    expect(outcomes[0]?.error?.code).toBe('STORE')
    busy = false
    await clock.advance(1000)
    expect((await pool.outcomes.next()).value?.result).toBe('ok')
    expect(tags(network.peer)).toEqual(['NSUBS', 'NSUBS'])
    await pool.close()
  })

  it('that has another id now gets an NSUB for each', async () => {
    const { network, pool, server } = setUp()
    const known = queues(2).map((queue) => ({ ...queue, serviceId: id() }))
    const outcomes = await server.subscribe('notifications', known)
    expect(outcomes.map((outcome) => outcome.serviceId)).toEqual([serviceId, serviceId])
    expect(tags(network.peer)).toEqual(['NSUB', 'NSUB'])
    await pool.close()
  })

  it('gets an NSUB for those that are asked for again', async () => {
    const { network, pool, server } = setUp()
    const list = queues(2)
    await server.subscribe('notifications', list)
    const known = list.map((queue) => ({ ...queue, serviceId }))
    expect(results(await server.subscribe('notifications', known))).toEqual(['ok', 'ok'])
    expect(tags(network.peer)).toEqual(['NSUB', 'NSUB', 'NSUB', 'NSUB'])
    await pool.close()
  })

  it('does not lose them to an ENDS of another', async () => {
    const { network, pool, server } = setUp()
    await server.subscribe('notifications', queues(2))
    network.peer.send(id(), { tag: 'ENDS', count: 2n, idsHash: new Uint8Array(16) })
    await settled()
    expect(server.tables.notifications.size).toBe(2)
    await pool.close()
  })

  it('ends them all with ENDS, and not what is subscribed otherwise', async () => {
    const { network, pool, server } = setUp()
    await server.subscribe('notifications', queues(2))
    network.handler = () => ({ tag: 'SOK', serviceId: null })
    await server.subscribe('notifications', queues(1))
    network.peer.send(serviceId, { tag: 'ENDS', count: 2n, idsHash: new Uint8Array(16) })
    await settled()
    expect(server.tables.notifications.size).toBe(1)
    expect((await pool.events.next()).value?.message.tag).toBe('ENDS')
    await pool.close()
  })

  it('gets an NSUB for each at once after ENDS, where we say so', async () => {
    const { network, pool, server } = setUp(undefined, { serviceEnd: 'resubscribe' })
    const list = queues(3)
    await server.subscribe('notifications', list)
    server.unsubscribe('notifications', [(list[0] as QueueSubscription).id])
    network.peer.commands.length = 0
    network.peer.send(serviceId, { tag: 'ENDS', ...queuesOf(list) })
    await settled()
    expect(tags(network.peer)).toEqual(['NSUB', 'NSUB'])
    expect(server.tables.notifications.hasWork).toBe(false)
    await pool.close()
  })

  it('and answers SERVICE to NSUB gets the queues in a session without the service, for an hour', async () => {
    const { network, clock, pool, server } = setUp()
    const { handler } = network
    network.handler = (command, peer) =>
      command.command.tag === 'NSUB' && peer.session.service
        ? { tag: 'ERR', error: { code: 'SERVICE' } }
        : handler(command, peer)
    const subscribing = server.subscribe('notifications', queues(3))
    await clock.advance(2000)
    expect(results(await subscribing)).toEqual(['pending', 'pending', 'pending'])
    await settled()
    expect(network.peers).toHaveLength(2)
    expect(network.peer.session.service).toBeNull()
    expect(tags(network.peer)).toEqual(['NSUB', 'NSUB', 'NSUB'])
    expect(server.lostSessions).toBe(1)
    network.handler = handler
    await clock.advance(3_600_000)
    network.cut()
    await clock.advance(2000)
    expect(network.peer.session.service).not.toBeNull()
    await pool.close()
  })

  it('and refuses the service in the handshake is connected to without it', async () => {
    const { network, clock, pool, server } = setUp()
    const { options } = network
    network.options = (connecting) => {
      if (!connecting.service) return {}
      throw new Error('handshake', { cause: Object.assign(new Error('refused'), { code: 'BAD_SERVICE' }) })
    }
    const subscribing = server.subscribe('notifications', queues(1))
    await clock.advance(2000)
    await subscribing
    expect(tags(network.peer)).toEqual(['NSUB'])
    expect(network.peer.session.service).toBeNull()
    network.options = options
    await pool.close()
  })
})

describe('credentials', () => {
  it('may come later; while there are none nothing is connected to', async () => {
    let ready = false
    const service = async () => {
      if (!ready) throw new Error('no store')
      return credentials
    }
    const { network, clock, pool, server } = setUp(undefined, { service })
    void server.subscribe('notifications', queues(1))
    await settled()
    expect(server.reason?.code).toBe('CONNECT')
    expect(network.attempts).toBe(0)
    ready = true
    await clock.advance(2000)
    expect(network.peer.session.service?.role).toBe('notifier')
    await pool.close()
  })

  it('that never come do not keep the pool from being closed', async () => {
    const { pool, server } = setUp(undefined, { service: () => new Promise(() => {}) })
    void server.subscribe('notifications', queues(1))
    await settled()
    await pool.close()
  })
})

describe('a server without services', () => {
  it('gets an NSUB for each, also for those that belonged to a service', async () => {
    const { network, pool, server } = setUp()
    network.options = {}
    const known = queues(2).map((queue) => ({ ...queue, serviceId }))
    const outcomes = await server.subscribe('notifications', [...known, ...queues(1)])
    expect(results(outcomes)).toEqual(['ok', 'ok', 'ok'])
    expect(outcomes.map((outcome) => outcome.serviceId)).toEqual([null, null, null])
    expect(tags(network.peer)).toEqual(['NSUB', 'NSUB', 'NSUB'])
    await pool.close()
  })

  it('that had them before the connection was lost gets an NSUB for each', async () => {
    const { network, clock, pool, server } = setUp()
    await server.subscribe('notifications', queues(3))
    network.options = {}
    network.cut()
    await clock.advance(1000)
    expect(tags(network.peer)).toEqual(['NSUB', 'NSUB', 'NSUB'])
    expect(server.tables.notifications.hasWork).toBe(false)
    await pool.close()
  })
})
