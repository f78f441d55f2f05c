import { PrivateKey } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import type { BrokerOptions } from '../options.js'
import { endDelay, notificationTick, testBroker } from '../testing/test-broker.js'
import { brief, TestClient } from '../testing/test-client.js'
import {
  asNotifier,
  asRecipient,
  asSender,
  createQueue,
  metaOf,
  publicAuthKey,
  sendCommand,
  type TestQueue,
} from '../testing/test-queue.js'

const nsub = (client: TestClient, queue: TestQueue) => client.request({ tag: 'NSUB' }, asNotifier(queue))
const tags = async (client: TestClient) => (await client.settledEvents()).map(({ message }) => brief(message))

async function setUp(options: BrokerOptions = {}) {
  const test = testBroker(options)
  const client = test.connect()
  const queue = await createQueue(client, { notifier: true })
  const send = async (to = queue) => brief(await client.request(sendCommand('x'), asSender(to)))
  return { ...test, client, queue, send }
}

describe('a stored notification', () => {
  it('lives for its time to live in whole seconds, and is looked at once an hour', async () => {
    const { send, clock, broker } = await setUp()
    const kept = () => broker.statistics().notifications
    clock.advance(999)
    await send()
    clock.advance(24 * 3_600_000 - 999)
    expect(kept()).toBe(1)
    clock.advance(3_599_999)
    expect(kept()).toBe(1)
    clock.advance(1)
    expect(kept()).toBe(0)
  })

  it('that a full send queue kept back comes at the next tick with room, in order', async () => {
    const { send, clock, queue, connect, connectEnds } = await setUp()
    const { clientEnd, serverEnd } = connectEnds()
    const slow = new TestClient(clientEnd)
    const fast = connect()
    await nsub(slow, queue)
    serverEnd.stalled = true
    for (let i = 0; i < 200; i++) void slow.send([slow.transmission({ command: { tag: 'PING' } })])
    for (let i = 0; i < 200; i++) await fast.request({ tag: 'PING' })
    await send()
    clock.advance(notificationTick)
    await send()
    clock.advance(notificationTick)
    serverEnd.resume()
    expect(await tags(slow)).toEqual(Array(200).fill('PONG'))
    clock.advance(notificationTick)
    const events = await slow.settledEvents()
    expect(events.map(({ message }) => brief(message))).toEqual(['NMSG', 'NMSG'])
    const times = events.map(({ message }) => metaOf(queue, message).ts)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })

  it('goes to the connection that took the notifier over meanwhile', async () => {
    const { send, clock, queue, connect } = await setUp()
    const [one, two] = [connect(), connect()]
    await nsub(one, queue)
    await send()
    await nsub(two, queue)
    clock.advance(notificationTick)
    expect([await tags(one), await tags(two)]).toEqual([[], ['NMSG']])
    clock.advance(endDelay - notificationTick - 1)
    expect(await tags(one)).toEqual([])
    clock.advance(1)
    expect(await tags(one)).toEqual(['END'])
  })

  it('is not sent twice when its subscriber comes back', async () => {
    const { send, clock, queue, connect } = await setUp()
    const one = connect()
    await nsub(one, queue)
    await send()
    clock.advance(notificationTick)
    expect(await tags(one)).toEqual(['NMSG'])
    await nsub(one, queue)
    clock.advance(notificationTick)
    expect(await tags(one)).toEqual([])
  })
})

describe('a subscriber of its own notifier', () => {
  it('is not told when it replaces or deletes it', async () => {
    const { client, queue, clock } = await setUp()
    await nsub(client, queue)
    const key = publicAuthKey(PrivateKey.generate('ed25519'))
    const nkey = { tag: 'NKEY', authKey: key, dhKey: PrivateKey.generate('x25519').publicKey } as const
    expect(brief(await client.request(nkey, asRecipient(queue)))).toBe('NID')
    expect(await client.request({ tag: 'NDEL' }, asRecipient(queue))).toEqual({ tag: 'OK' })
    clock.advance(endDelay)
    expect(await tags(client)).toEqual([])
  })

  it('repeats NSUB without end at no cost', async () => {
    const { client, queue, broker, clock } = await setUp()
    for (let i = 0; i < 20; i++) {
      const nsubs = Array.from({ length: 100 }, () => ({ command: { tag: 'NSUB' } as const, ...asNotifier(queue) }))
      await client.requestAll(nsubs)
    }
    expect(broker.statistics().subscriptions.notifiers).toBe(1)
    clock.advance(endDelay)
    expect(await tags(client)).toEqual([])
  })
})
