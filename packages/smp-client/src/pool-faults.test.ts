import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import { SmpPool } from './pool.js'
import type { QueueSubscription } from './pool-context.js'
import type { SubscriptionKind } from './subscriptions.js'
import { address, FakeNetwork, Unreachable } from './testing/fake-network.js'
import { ok } from './testing/fake-server.js'
import { ManualClock, settled } from './testing/manual-clock.js'

const key = PrivateKey.generate('ed25519')
const kinds: readonly SubscriptionKind[] = ['messages', 'notifications']
const serviceId = randomBytes(24)

function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return Math.floor((state >>> 8) * (below / 2 ** 24))
  }
}

/** Things that happen, in an order that the seed says; afterwards all is well again. */
async function run(seed: number): Promise<void> {
  const below = generator(seed)
  const network = new FakeNetwork()
  const clock = new ManualClock()
  const pool = new SmpPool({
    connect: network.connect,
    clock,
    random: () => below(1000) / 1000,
    connectTimeout: 5000,
    session: { requestTimeout: 1000, eventBuffer: 8, maxInFlight: 16 },
    eventBuffer: 4,
  })
  const server = pool.server(address())
  const wanted = new Map<SubscriptionKind, Map<string, QueueSubscription>>(kinds.map((kind) => [kind, new Map()]))
  const promises: Promise<unknown>[] = []
  const hasService = () => ({ service: { role: 'notifier', serviceId } }) as const
  const subscribe = (kind: SubscriptionKind) => {
    const known = [...(wanted.get(kind)?.values() ?? [])]
    const list = Array.from({ length: 1 + below(30) }, () => ({ id: randomBytes(24), key }))
    if (known.length > 0) list.push(known[below(known.length)] as (typeof list)[0])
    if (below(4) === 0) list.push({ id: (list[0] as QueueSubscription).id, key: PrivateKey.generate('ed25519') })
    for (const one of list) wanted.get(kind)?.set(String(one.id), one)
    const ofService = list.map((one) => (below(3) ? one : { ...one, serviceId }))
    promises.push(server.subscribe(kind, kind === 'notifications' ? ofService : list))
  }
  const healthy = network.handler
  const faults = [
    () => kinds.forEach(subscribe),
    () => {
      const kind = kinds[below(2)] as SubscriptionKind
      const some = [...(wanted.get(kind)?.values() ?? [])].slice(0, below(5))
      for (const { id } of some) wanted.get(kind)?.delete(String(id))
      server.unsubscribe(
        kind,
        some.map(({ id }) => id),
      )
    },
    () => network.cut(),
    () => {
      network.failure = below(2) ? new Unreachable() : undefined
    },
    () => {
      network.stuck = below(2) === 0
    },
    () => {
      network.options = below(2) ? hasService() : {}
    },
    () => {
      network.handler = (one, peer) => {
        const luck = below(10)
        if (luck === 0) return undefined
        if (luck === 1) return { tag: 'ERR', error: { code: 'STORE', text: '' } }
        if (luck === 2 && one.command.tag !== 'PING') network.cut()
        if (luck === 3) peer.send(randomBytes(24), { tag: 'NMSG', nonce: randomBytes(24), encMeta: randomBytes(10) })
        if (one.command.tag === 'NSUBS') return { tag: 'SOKS', count: BigInt(luck % 2), idsHash: new Uint8Array(16) }
        return ok(one, peer)
      }
    },
    () => {
      const controller = new AbortController()
      promises.push(
        server.request({ command: { tag: 'PING' } }, { signal: controller.signal, timeout: 3000 }).catch(() => {}),
      )
      if (below(2)) setImmediate(() => controller.abort())
    },
    () => clock.advance(below(20_000)),
    () => settled(below(3)),
  ]
  for (let i = 0; i < 60; i++) await (faults[below(faults.length)] as () => unknown)()
  const taking = (async () => {
    for await (const _ of pool.events) await settled(1)
  })()
  network.failure = undefined
  network.stuck = false
  network.options = {}
  network.handler = healthy
  for (const peer of network.peers) peer.handler = healthy
  network.cut()
  for (let i = 0; i < 30; i++) await clock.advance(5000)
  await Promise.all(promises)
  for (const kind of kinds) {
    const table = server.tables[kind]
    expect(table.hasWork).toBe(false)
    for (const { id } of wanted.get(kind)?.values() ?? []) expect(table.get(id)?.result).toBe('ok')
    expect(table.size).toBe(wanted.get(kind)?.size)
  }
  await pool.close()
  await taking
  expect(clock.timers).toBe(0)
}

describe('whatever happens', () => {
  it.each(Array.from({ length: 30 }, (_, i) => i + 1))(
    'all is subscribed in the end, and every promise settled (seed %i)',
    (seed) => run(seed),
  )
})
