import { describe, expect, it } from 'vitest'
import { endDelay, testBroker } from '../testing/test-broker.js'
import { brief, type TestClient } from '../testing/test-client.js'
import {
  asRecipient,
  asSender,
  createQueue,
  msgIdOf,
  sendCommand,
  type TestQueue,
  textOf,
} from '../testing/test-queue.js'

const empty = new Uint8Array(0)
const sub = (client: TestClient, queue: TestQueue) => client.request({ tag: 'SUB' }, asRecipient(queue))
const get = (client: TestClient, queue: TestQueue) => client.request({ tag: 'GET' }, asRecipient(queue))
const del = (client: TestClient, queue: TestQueue) => client.request({ tag: 'DEL' }, asRecipient(queue))
const ack = (client: TestClient, queue: TestQueue, msgId: Uint8Array) =>
  client.request({ tag: 'ACK', msgId }, asRecipient(queue))
const tags = async (client: TestClient) => (await client.settledEvents()).map(({ message }) => brief(message))

async function setUp(...texts: string[]) {
  const test = testBroker()
  const [client, other] = [test.connect(), test.connect()]
  const queue = await createQueue(client, { notifier: true })
  const send = (text: string) => other.request(sendCommand(text), asSender(queue))
  for (const text of texts) await send(text)
  return { ...test, client, other, queue, send }
}

describe('a queue that was taken over by another connection', () => {
  it('may be read with GET by the one that lost it, and then not be subscribed to', async () => {
    const { client, other, queue } = await setUp('one')
    for (const c of [client, other]) await sub(c, queue)
    expect(textOf(queue, await get(client, queue))).toBe('one')
    expect(brief(await sub(client, queue))).toBe('ERR CMD PROHIBITED')
    expect(brief(await sub(other, queue))).toBe('SOK')
  })

  it('gives its messages to the new one only, before END was sent', async () => {
    const { client, other, queue, send } = await setUp()
    for (const c of [client, other]) await sub(c, queue)
    await send('one')
    expect(await tags(client)).toEqual([])
    expect(await tags(other)).toEqual(['MSG'])
  })

  it('can be taken back, with its message', async () => {
    const { client, other, queue, clock } = await setUp('one')
    for (const c of [client, other]) await sub(c, queue)
    clock.advance(endDelay)
    expect(await tags(client)).toEqual(['MSG', 'END'])
    await sub(client, queue)
    const { message } = await client.event()
    expect(await ack(client, queue, msgIdOf(message))).toEqual({ tag: 'OK' })
  })

  it('of a connection that has ended sends no END', async () => {
    const { client, other, queue, clock, connect } = await setUp()
    await sub(client, queue)
    await client.close()
    await sub(other, queue)
    clock.advance(endDelay)
    expect(await tags(connect())).toEqual([])
    expect(await tags(other)).toEqual([])
  })
})

describe('ACK', () => {
  it('in another connection than the subscribed one is refused', async () => {
    const { client, other, queue } = await setUp('one')
    await sub(client, queue)
    const { message } = await client.event()
    expect(brief(await ack(other, queue, msgIdOf(message)))).toBe('ERR NO_MSG')
    expect(await ack(client, queue, msgIdOf(message))).toEqual({ tag: 'OK' })
  })

  it('of a message that another connection took is OK where nothing is left', async () => {
    const { client, other, queue } = await setUp('one')
    await sub(client, queue)
    const { message } = await client.event()
    expect(await ack(other, queue, msgIdOf(await get(other, queue)))).toEqual({ tag: 'OK' })
    expect(await ack(client, queue, msgIdOf(message))).toEqual({ tag: 'OK' })
    expect(brief(await ack(client, queue, msgIdOf(message)))).toBe('ERR NO_MSG')
  })

  it('after GET of a message that another connection took is OK, and takes nothing more', async () => {
    const { client, other, queue } = await setUp('one', 'two')
    const first = msgIdOf(await get(client, queue))
    await get(other, queue)
    await ack(other, queue, first)
    expect(await ack(client, queue, first)).toEqual({ tag: 'OK' })
    expect(textOf(queue, await get(client, queue))).toBe('two')
  })

  it('of a message that expired answers as for success', async () => {
    const { client, queue, clock } = await setUp('one')
    await sub(client, queue)
    const { message } = await client.event()
    clock.advance(22 * 24 * 3_600_000)
    expect(await ack(client, queue, msgIdOf(message))).toEqual({ tag: 'OK' })
  })

  it('after the repeated delivery of a SUB takes the message once', async () => {
    const { client, queue } = await setUp('one', 'two')
    await sub(client, queue)
    await sub(client, queue)
    const [first] = await client.settledEvents()
    const next = await ack(client, queue, msgIdOf(first?.message))
    expect(textOf(queue, next)).toBe('two')
    expect(brief(await ack(client, queue, msgIdOf(first?.message)))).toBe('ERR NO_MSG')
  })

  it('of the quota marker makes the queue writable, also where all before it expired', async () => {
    const { connect, clock } = testBroker({ quota: 2, messageTtl: 1000 })
    const client = connect()
    const queue = await createQueue(client)
    const send = async (text: string) => brief(await client.request(sendCommand(text), asSender(queue)))
    for (const text of ['one', 'two', 'three']) await send(text)
    clock.advance(3000)
    expect(await send('four')).toBe('ERR QUOTA')
    const marker = await get(client, queue)
    expect(textOf(queue, marker)).toBe('QUOTA')
    expect(await client.request({ tag: 'QUE' }, asRecipient(queue))).toMatchObject({
      info: { qiSize: 1, qiMsg: { msgType: 'quota' } },
    })
    expect(await ack(client, queue, msgIdOf(marker))).toEqual({ tag: 'OK' })
    expect(await send('five')).toBe('OK')
    expect(textOf(queue, await get(client, queue))).toBe('five')
  })

  it('and the next SEND: the message is pushed again only when nothing waits for ACK', async () => {
    const { client, queue, send } = await setUp()
    await sub(client, queue)
    for (const text of ['one', 'two', 'three']) {
      await send(text)
      const { message } = await client.event()
      expect(textOf(queue, message)).toBe(text)
      expect(await ack(client, queue, msgIdOf(message))).toEqual({ tag: 'OK' })
    }
  })
})

describe('DEL', () => {
  it('tells the subscribers of queue and notifier, each once, and its own connection nothing', async () => {
    const { client, other, queue, clock, connect } = await setUp()
    const notifier = connect()
    if (!queue.notifier) throw new Error('expected a notifier')
    const { id, key } = queue.notifier
    await sub(other, queue)
    await notifier.request({ tag: 'NSUB' }, { entityId: id, key })
    await del(client, queue)
    clock.advance(endDelay - 1)
    expect(await tags(other)).toEqual([])
    clock.advance(1)
    expect(await other.settledEvents()).toEqual([
      { corrId: empty, entityId: queue.recipientId, message: { tag: 'DELD' } },
    ])
    expect(await notifier.settledEvents()).toEqual([{ corrId: empty, entityId: id, message: { tag: 'DELD' } }])
    expect(await tags(client)).toEqual([])
    expect(brief(await notifier.request({ tag: 'NSUB' }, { entityId: id, key }))).toBe('ERR AUTH')
  })

  it('by the one subscriber of both tells nobody', async () => {
    const { client, queue, clock } = await setUp()
    if (!queue.notifier) throw new Error('expected a notifier')
    await sub(client, queue)
    await client.request({ tag: 'NSUB' }, { entityId: queue.notifier.id, key: queue.notifier.key })
    await del(client, queue)
    clock.advance(endDelay)
    expect(await tags(client)).toEqual([])
  })

  it('does not tell a connection that only used GET', async () => {
    const { client, other, queue, clock } = await setUp('one')
    await get(other, queue)
    await del(client, queue)
    clock.advance(endDelay)
    expect(await tags(other)).toEqual([])
    expect(brief(await get(other, queue))).toBe('ERR AUTH')
  })

  it('ends also a queue that is off or blocked, and what was sent to it', async () => {
    const { client, queue, broker } = await setUp('one')
    broker.block(queue.recipientId, { reason: 'content', notice: null })
    expect(await client.request({ tag: 'OFF' }, asRecipient(queue))).toEqual({ tag: 'OK' })
    expect(await del(client, queue)).toEqual({ tag: 'OK' })
    expect(broker.statistics()).toMatchObject({ queues: 0, messages: 0, notifications: 0 })
  })
})

describe('a clock that goes back', () => {
  it('keeps the order of messages, and all of them until it has caught up', async () => {
    const { client, queue, send, broker, clock } = await setUp()
    for (const text of ['one', 'two', 'three']) {
      await send(text)
      Object.assign(clock, { now: () => Date.UTC(2020, 0, 1) })
    }
    clock.advance(24 * 3_600_000)
    expect(broker.statistics().messages).toBe(3)
    let message = await get(client, queue)
    for (const text of ['one', 'two', 'three']) {
      expect(textOf(queue, message)).toBe(text)
      await ack(client, queue, msgIdOf(message))
      message = await get(client, queue)
    }
    expect(message).toEqual({ tag: 'OK' })
  })
})
