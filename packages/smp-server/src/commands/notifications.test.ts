import { dh, PrivateKey } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import type { BrokerOptions } from '../options.js'
import { endDelay, notificationTick, testBroker } from '../testing/test-broker.js'
import { brief, type Received, TestClient } from '../testing/test-client.js'
import {
  asNotifier,
  asRecipient,
  asSender,
  createQueue,
  metaOf,
  msgIdOf,
  publicAuthKey,
  sendCommand,
  type TestQueue,
} from '../testing/test-queue.js'

const empty = new Uint8Array(0)
const nsub = (client: TestClient, queue: TestQueue) => client.request({ tag: 'NSUB' }, asNotifier(queue))
const tags = (events: readonly Received[]) => events.map(({ message }) => brief(message))

async function setUp(options: BrokerOptions = {}) {
  const test = testBroker(options)
  const client = test.connect()
  const notifier = test.connect()
  const queue = await createQueue(client, { notifier: true })
  const send = async (text: string, notification = true) =>
    brief(await client.request(sendCommand(text, notification), asSender(queue)))
  const tick = () => test.clock.advance(notificationTick)
  return { ...test, client, notifier, queue, send, tick }
}

/** Gives the queue a new notifier. */
async function nkey(client: TestClient, queue: TestQueue): Promise<TestQueue> {
  const key = PrivateKey.generate('ed25519')
  const dhKey = PrivateKey.generate('x25519')
  const command = { tag: 'NKEY', authKey: publicAuthKey(key), dhKey: dhKey.publicKey } as const
  const answer = await client.request(command, asRecipient(queue))
  if (answer.tag !== 'NID') throw new Error(`expected NID, got ${brief(answer)}`)
  return { ...queue, notifier: { id: answer.notifierId, key, secret: dh(dhKey, answer.serverDhKey) } }
}

describe('NMSG', () => {
  it('comes at the next tick, with id and time of the message', async () => {
    const { client, notifier, queue, send, clock } = await setUp()
    expect(await nsub(notifier, queue)).toEqual({ tag: 'SOK', serviceId: null })
    await send('hello')
    clock.advance(notificationTick - 1)
    expect(await notifier.settledEvents()).toEqual([])
    clock.advance(1)
    const event = await notifier.event()
    expect(event).toMatchObject({ corrId: empty, entityId: queue.notifier?.id })
    const message = await client.request({ tag: 'GET' }, asRecipient(queue))
    expect(metaOf(queue, event.message)).toEqual({ msgId: msgIdOf(message), ts: Date.UTC(2026, 0, 1) / 1000 })
  })

  it('is sent also to a notifier whose queue is subscribed and read', async () => {
    const { client, notifier, queue, send, tick } = await setUp()
    await nsub(notifier, queue)
    await client.request({ tag: 'SUB' }, asRecipient(queue))
    await send('hello')
    await client.request({ tag: 'ACK', msgId: msgIdOf((await client.event()).message) }, asRecipient(queue))
    tick()
    expect(tags(await notifier.settledEvents())).toEqual(['NMSG'])
  })

  it('is not made for a message that does not ask for it', async () => {
    const { notifier, queue, send, tick } = await setUp()
    await nsub(notifier, queue)
    await send('hello', false)
    tick()
    expect(await notifier.settledEvents()).toEqual([])
  })

  it('waits for a later NSUB, and is sent once', async () => {
    const { notifier, queue, send, tick, connect } = await setUp()
    await send('one')
    await send('two')
    tick()
    await nsub(notifier, queue)
    expect(await notifier.settledEvents()).toEqual([])
    tick()
    const events = await notifier.settledEvents()
    expect(tags(events)).toEqual(['NMSG', 'NMSG'])
    expect(notifier.blocks.map((block) => block.length)).toContain(2)
    const other = connect()
    await nsub(other, queue)
    tick()
    expect(await other.settledEvents()).toEqual([])
  })

  it('comes in the order of the messages', async () => {
    const { client, notifier, queue, send, tick } = await setUp()
    for (const text of ['one', 'two', 'three']) await send(text)
    await nsub(notifier, queue)
    tick()
    const ids = (await notifier.settledEvents()).map(({ message }) => metaOf(queue, message).msgId)
    await client.request({ tag: 'SUB' }, asRecipient(queue))
    const expected = [msgIdOf((await client.event()).message)]
    for (let i = 0; i < 2; i++) {
      expected.push(msgIdOf(await client.request({ tag: 'ACK', msgId: expected.at(-1) ?? empty }, asRecipient(queue))))
    }
    expect(ids).toEqual(expected)
  })

  it('goes 80 to a block', async () => {
    const { notifier, queue, send, tick } = await setUp({ quota: 1000 })
    for (let i = 0; i < 100; i++) await send('x')
    await nsub(notifier, queue)
    tick()
    await notifier.settledEvents()
    const sizes = notifier.blocks.filter(([item]) => item?.message.tag === 'NMSG').map((block) => block.length)
    expect(sizes).toEqual([20, 80])
  })

  it('is kept when the subscriber has gone, and when it reads nothing', async () => {
    const { queue, send, tick, connectEnds, broker, notifier } = await setUp()
    const { clientEnd, serverEnd, served } = connectEnds()
    const slow = new TestClient(clientEnd)
    await nsub(slow, queue)
    serverEnd.stalled = true
    const pings = Array.from({ length: 200 }, () => slow.transmission({ command: { tag: 'PING' } }))
    for (const ping of pings) void slow.send([ping])
    for (let i = 0; i < 200; i++) await notifier.request({ tag: 'PING' })
    await send('hello')
    tick()
    await notifier.request({ tag: 'PING' })
    expect(broker.statistics().notifications).toBe(1)
    await slow.close()
    await served
    tick()
    await nsub(notifier, queue)
    tick()
    expect(tags(await notifier.settledEvents())).toEqual(['NMSG'])
  })

  it('is forgotten after a day', async () => {
    const { connect, queue, send, clock, broker, tick } = await setUp()
    await send('old')
    clock.advance(2 * 3_600_000)
    await send('new')
    clock.advance(22 * 3_600_000)
    expect(broker.statistics().notifications).toBe(2)
    clock.advance(3_600_000)
    expect(broker.statistics().notifications).toBe(1)
    const notifier = connect()
    await nsub(notifier, queue)
    tick()
    expect(tags(await notifier.settledEvents())).toEqual(['NMSG'])
  })

  it('is kept in a limited number, the oldest going first', async () => {
    const { client, notifier, queue, send, tick } = await setUp({ maxStoredNotifications: 2 })
    for (const text of ['one', 'two', 'three']) await send(text)
    await nsub(notifier, queue)
    tick()
    const ids = (await notifier.settledEvents()).map(({ message }) => metaOf(queue, message).msgId)
    expect(ids).toHaveLength(2)
    expect(ids).not.toContainEqual(msgIdOf(await client.request({ tag: 'GET' }, asRecipient(queue))))
  })
})

describe('NSUB', () => {
  it('needs the notifier of the queue and its key', async () => {
    const { client, notifier, queue } = await setUp()
    const wrongKey = { ...asNotifier(queue), key: PrivateKey.generate('ed25519') }
    expect(brief(await notifier.request({ tag: 'NSUB' }, wrongKey))).toBe('ERR AUTH')
    const recipient = { entityId: queue.recipientId, key: queue.key }
    expect(brief(await notifier.request({ tag: 'NSUB' }, recipient))).toBe('ERR AUTH')
    await client.request({ tag: 'NDEL' }, asRecipient(queue))
    expect(brief(await nsub(notifier, queue))).toBe('ERR AUTH')
  })

  it('ends the subscription of another connection, which is told later', async () => {
    const { notifier, queue, connect, clock, send, tick } = await setUp()
    const other = connect()
    await nsub(other, queue)
    await nsub(notifier, queue)
    await send('hello')
    tick()
    expect(await other.settledEvents()).toEqual([])
    expect(tags(await notifier.settledEvents())).toEqual(['NMSG'])
    clock.advance(endDelay)
    expect(await other.event()).toMatchObject({ entityId: queue.notifier?.id, message: { tag: 'END' } })
  })

  it('repeated in one connection changes nothing', async () => {
    const { notifier, queue, clock } = await setUp()
    for (let i = 0; i < 2; i++) expect(brief(await nsub(notifier, queue))).toBe('SOK')
    clock.advance(endDelay)
    expect(await notifier.settledEvents()).toEqual([])
  })

  it('works on queues that are off or blocked', async () => {
    const { client, notifier, queue, broker } = await setUp()
    broker.block(queue.recipientId, { reason: 'spam', notice: null })
    expect(brief(await nsub(notifier, queue))).toBe('SOK')
    await client.request({ tag: 'OFF' }, asRecipient(queue))
    expect(brief(await nsub(notifier, queue))).toBe('SOK')
  })

  it('is answered OK below version 16', async () => {
    const { client, connect } = await setUp()
    const queue = await nkey(client, await createQueue(client))
    expect(await nsub(connect(15), queue)).toEqual({ tag: 'OK' })
  })

  it('is limited in number for each connection', async () => {
    const { client, notifier, queue } = await setUp({ maxSubscriptionsPerConnection: 1 })
    const second = await createQueue(client, { notifier: true })
    expect(brief(await nsub(notifier, queue))).toBe('SOK')
    expect(brief(await nsub(notifier, second))).toBe('ERR STORE')
    expect(brief(await nsub(notifier, queue))).toBe('SOK')
  })
})

describe('NKEY', () => {
  it('gives a notifier to a queue without one', async () => {
    const { client, notifier, tick } = await setUp()
    const queue = await nkey(client, await createQueue(client))
    await nsub(notifier, queue)
    await client.request(sendCommand('x'), asSender(queue))
    tick()
    expect(metaOf(queue, (await notifier.event()).message).msgId).toHaveLength(24)
  })

  it('replaces the notifier, drops its notifications, and tells its subscriber', async () => {
    const { client, notifier, queue, send, tick, clock, connect, broker } = await setUp()
    await nsub(notifier, queue)
    await send('lost')
    const replaced = await nkey(client, queue)
    expect(replaced.notifier?.id).not.toEqual(queue.notifier?.id)
    tick()
    expect(broker.statistics().notifications).toBe(0)
    expect(brief(await nsub(connect(), queue))).toBe('ERR AUTH')
    clock.advance(endDelay)
    const events = await notifier.settledEvents()
    expect(events).toMatchObject([{ entityId: queue.notifier?.id, message: { tag: 'DELD' } }])
    expect(brief(await nsub(notifier, replaced))).toBe('SOK')
  })
})

describe('NDEL', () => {
  it('removes the notifier, if there is one, and tells its subscriber', async () => {
    const { client, notifier, queue, send, clock } = await setUp()
    await nsub(notifier, queue)
    await send('lost')
    for (let i = 0; i < 2; i++) expect(await client.request({ tag: 'NDEL' }, asRecipient(queue))).toEqual({ tag: 'OK' })
    clock.advance(endDelay)
    expect(await notifier.settledEvents()).toMatchObject([{ message: { tag: 'DELD' } }])
  })
})

describe('DEL', () => {
  it('tells the subscriber of the notifier', async () => {
    const { client, notifier, queue, clock } = await setUp()
    await nsub(notifier, queue)
    await client.request({ tag: 'DEL' }, asRecipient(queue))
    clock.advance(endDelay)
    expect(await notifier.settledEvents()).toMatchObject([{ entityId: queue.notifier?.id, message: { tag: 'DELD' } }])
  })
})
