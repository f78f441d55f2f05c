import { emptyIdsHash, PrivateKey, randomBytes, xorIdsHash } from '@smpkit/crypto'
import type { BrokerMessage } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import { SmpPool } from './pool.js'
import type { QueueSubscription } from './pool-context.js'
import { address, FakeNetwork } from './testing/fake-network.js'
import type { FakePeer } from './testing/fake-server.js'
import { ManualClock, settled } from './testing/manual-clock.js'

const key = PrivateKey.generate('ed25519')
const id = () => randomBytes(24)
const serviceId = id()
const queues = (count: number): QueueSubscription[] => Array.from({ length: count }, () => ({ id: id(), key }))
const credentials = { role: 'notifier', certChain: [], privateKey: PrivateKey.generate('ed25519') } as const

/** A server with a service: NSUB associates queues, NSUBS answers with `count`. */
function setUp(count: (peer: FakePeer) => BrokerMessage | bigint = () => 3n) {
  const network = new FakeNetwork()
  const clock = new ManualClock()
  network.options = ({ service }) => (service ? { service: { role: service.role, serviceId } } : {})
  network.handler = ({ command }, peer) => {
    if (command.tag === 'NSUB') return { tag: 'SOK', serviceId: peer.session.service?.serviceId ?? null }
    const answer = count(peer)
    return typeof answer === 'bigint' ? { tag: 'SOKS', count: answer, idsHash: new Uint8Array(16) } : answer
  }
  const pool = new SmpPool({ connect: network.connect, clock, random: () => 0.5, service: () => credentials })
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
    ['has none of the queues', () => 0n],
    ['does not know the service', (): BrokerMessage => ({ tag: 'ERR', error: { code: 'SERVICE' } })],
    ['does not allow it', (): BrokerMessage => ({ tag: 'ERR', error: { code: 'CMD', inner: { code: 'PROHIBITED' } } })],
  ])('and %s gets an NSUB for each', async (_, count) => {
    const { network, pool, server } = setUp(count)
    const known = queues(3).map((queue) => ({ ...queue, serviceId }))
    expect(results(await server.subscribe('notifications', known))).toEqual(['ok', 'ok', 'ok'])
    expect(tags(network.peer)).toEqual(['NSUBS', 'NSUB', 'NSUB', 'NSUB'])
    await pool.close()
  })

  it('whatever it says of count and hash, otherwise all its queues are subscribed', async () => {
    const { pool, server } = setUp(() => 2n)
    const known = queues(3).map((queue) => ({ ...queue, serviceId }))
    expect(results(await server.subscribe('notifications', known))).toEqual(['ok', 'ok', 'ok'])
    await pool.close()
  })

  it('gets NSUBS again when it could not answer now', async () => {
    let busy = true
    const { network, clock, pool, server } = setUp(() =>
      busy ? { tag: 'ERR', error: { code: 'STORE', text: '' } } : 3n,
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
