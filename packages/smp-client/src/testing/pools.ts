// What the tests of the pool share.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { type PoolOptions, SmpPool } from '../pool.js'
import type { QueueSubscription } from '../pool-context.js'
import type { SubscriptionOutcome } from '../subscriptions.js'
import { FakeNetwork } from './fake-network.js'
import { ManualClock, settled } from './manual-clock.js'

export const key = PrivateKey.generate('ed25519')
export const id = () => randomBytes(24)
export const ping = { command: { tag: 'PING' } } as const
export const queues = (count: number): QueueSubscription[] => Array.from({ length: count }, () => ({ id: id(), key }))

export function setUp(options: PoolOptions = {}) {
  const network = new FakeNetwork()
  const clock = new ManualClock()
  const pool = new SmpPool({ connect: network.connect, clock, random: () => 0.5, ...options })
  return { network, clock, pool }
}

const asked = new WeakMap<object, Promise<IteratorResult<unknown, undefined>>>()

/** Takes what waits, without waiting. What it asked for last it gets the next time. */
export async function waiting<T>(stream: AsyncIterator<T, undefined>): Promise<T[]> {
  const taken: T[] = []
  for (;;) {
    const next = (asked.get(stream) as Promise<IteratorResult<T, undefined>> | undefined) ?? stream.next()
    asked.set(stream, next)
    const result = await Promise.race([next, settled(2).then(() => undefined)])
    if (!result || result.done) return taken
    asked.delete(stream)
    taken.push(result.value)
  }
}

export const results = (outcomes: SubscriptionOutcome[]) => outcomes.map(({ result }) => result)
