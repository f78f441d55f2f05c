import { PrivateKey } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import { endDelay, testBroker } from '../testing/test-broker.js'
import { brief, TestClient } from '../testing/test-client.js'
import {
  asRecipient,
  asSender,
  createQueue,
  msgIdOf,
  publicAuthKey,
  sendCommand,
  type TestQueue,
  textOf,
} from '../testing/test-queue.js'

const empty = new Uint8Array(0)

async function setUp(texts: readonly string[] = []) {
  const test = testBroker()
  const client = test.connect()
  const other = test.connect()
  const queue = await createQueue(client)
  for (const text of texts) await client.request(sendCommand(text), asSender(queue))
  return { ...test, client, other, queue }
}

const sub = (client: TestClient, queue: TestQueue) => client.request({ tag: 'SUB' }, asRecipient(queue))
const get = (client: TestClient, queue: TestQueue) => client.request({ tag: 'GET' }, asRecipient(queue))
const ack = (client: TestClient, queue: TestQueue, msgId: Uint8Array) =>
  client.request({ tag: 'ACK', msgId }, asRecipient(queue))

describe('SUB', () => {
  it('delivers the waiting message as an event without correlation id', async () => {
    const { client, queue } = await setUp(['hello'])
    expect(await sub(client, queue)).toEqual({ tag: 'SOK', serviceId: null })
    const event = await client.event()
    expect(textOf(queue, event.message)).toBe('hello')
    expect(event).toMatchObject({ entityId: queue.recipientId, corrId: empty })
  })

  it('sends the same message again to a connection that subscribes again', async () => {
    const { client, queue } = await setUp(['hello', 'next'])
    await sub(client, queue)
    const first = await client.event()
    await sub(client, queue)
    const [second, ...others] = await client.settledEvents()
    expect(msgIdOf(second?.message)).toEqual(msgIdOf(first.message))
    expect(others).toEqual([])
  })

  it('ends the subscription of another connection, which is told later', async () => {
    const { client, other, queue, clock } = await setUp(['hello'])
    await sub(other, queue)
    const { message } = await other.event()
    await sub(client, queue)
    expect(brief(await ack(other, queue, msgIdOf(message)))).toBe('ERR NO_MSG')
    clock.advance(endDelay - 1)
    expect(await other.settledEvents()).toEqual([])
    clock.advance(1)
    expect(await other.event()).toEqual({ corrId: empty, entityId: queue.recipientId, message: { tag: 'END' } })
    expect((await client.settledEvents()).map((e) => brief(e.message))).toEqual(['MSG'])
  })

  it('does not tell a connection that subscribes again that it has ended', async () => {
    const { client, queue, clock } = await setUp()
    await sub(client, queue)
    await sub(client, queue)
    clock.advance(endDelay)
    expect(await client.settledEvents()).toEqual([])
  })

  it('is not told to have ended when it has come back in time', async () => {
    const { client, other, queue, clock } = await setUp()
    for (const c of [client, other, client]) await sub(c, queue)
    clock.advance(endDelay)
    expect(await client.settledEvents()).toEqual([])
    expect((await other.settledEvents()).map((e) => brief(e.message))).toEqual(['END'])
  })

  it('sends all END of a while in one block', async () => {
    const { client, other, queue, clock } = await setUp()
    const second = await createQueue(client)
    for (const q of [queue, second]) await sub(client, q)
    await sub(other, queue)
    clock.advance(endDelay - 1)
    await sub(other, second)
    clock.advance(1)
    await client.settledEvents()
    const [ends] = client.blocks.filter(([item]) => item?.message.tag === 'END')
    expect(ends?.map((item) => item.entityId)).toEqual([queue.recipientId, second.recipientId])
  })

  it('is prohibited after GET in the same connection', async () => {
    const { client, other, queue } = await setUp()
    await get(client, queue)
    expect(brief(await sub(client, queue))).toBe('ERR CMD PROHIBITED')
    expect(brief(await sub(other, queue))).toBe('SOK')
  })

  it('leaves a message that was not acknowledged to the next connection', async () => {
    const { client, other, queue } = await setUp(['hello'])
    await sub(client, queue)
    await client.event()
    await client.close()
    await sub(other, queue)
    expect(textOf(queue, (await other.event()).message)).toBe('hello')
  })

  it('ends with the connection', async () => {
    const { broker, queue, connectEnds } = await setUp()
    const { clientEnd, served } = connectEnds()
    await sub(new TestClient(clientEnd), queue)
    expect(broker.statistics()).toMatchObject({ connections: 3, subscriptions: { queues: 1 } })
    await clientEnd.close()
    await served
    expect(broker.statistics()).toMatchObject({ connections: 2, subscriptions: { queues: 0 } })
  })

  it('is limited in number for each connection', async () => {
    const { connect } = testBroker({ maxSubscriptionsPerConnection: 2 })
    const client = connect()
    const queues = [await createQueue(client), await createQueue(client), await createQueue(client)] as const
    expect(brief(await sub(client, queues[0]))).toBe('SOK')
    expect(brief(await get(client, queues[1]))).toBe('OK')
    expect(brief(await sub(client, queues[2]))).toBe('ERR STORE')
    expect(brief(await get(client, queues[2]))).toBe('ERR STORE')
    expect(brief(await sub(client, queues[0]))).toBe('SOK')
  })
})

describe('GET', () => {
  it('answers with the first message, again and again, and OK when there is none', async () => {
    const { client, queue } = await setUp(['hello'])
    const first = await get(client, queue)
    expect(textOf(queue, first)).toBe('hello')
    expect(msgIdOf(await get(client, queue))).toEqual(msgIdOf(first))
    expect(await ack(client, queue, msgIdOf(first))).toEqual({ tag: 'OK' })
    expect(await get(client, queue)).toEqual({ tag: 'OK' })
  })

  it('does not answer the acknowledgement with the next message', async () => {
    const { client, queue } = await setUp(['one', 'two'])
    expect(await ack(client, queue, msgIdOf(await get(client, queue)))).toEqual({ tag: 'OK' })
    expect(textOf(queue, await get(client, queue))).toBe('two')
  })

  it('is prohibited after SUB in the same connection', async () => {
    const { client, queue } = await setUp()
    await sub(client, queue)
    expect(brief(await get(client, queue))).toBe('ERR CMD PROHIBITED')
  })

  it('does not subscribe, and leaves the subscription of others alone', async () => {
    const { client, other, queue, clock } = await setUp()
    await sub(other, queue)
    await get(client, queue)
    await client.request(sendCommand('hello'), asSender(queue))
    clock.advance(endDelay)
    expect((await other.settledEvents()).map((e) => brief(e.message))).toEqual(['MSG'])
    expect(await client.settledEvents()).toEqual([])
  })
})

describe('ACK', () => {
  it('answers with the next message, and OK behind the last one', async () => {
    const { client, queue } = await setUp(['one', 'two'])
    await sub(client, queue)
    const { message } = await client.event()
    const next = await ack(client, queue, msgIdOf(message))
    expect(textOf(queue, next)).toBe('two')
    expect(await ack(client, queue, msgIdOf(next))).toEqual({ tag: 'OK' })
    expect(brief(await ack(client, queue, msgIdOf(next)))).toBe('ERR NO_MSG')
  })

  it('of another id is refused, and the delivered message can still be acknowledged', async () => {
    const { client, queue } = await setUp(['one'])
    await sub(client, queue)
    const { message } = await client.event()
    expect(brief(await ack(client, queue, new Uint8Array(24)))).toBe('ERR NO_MSG')
    expect(await ack(client, queue, msgIdOf(message))).toEqual({ tag: 'OK' })
  })

  it('with an empty id returns the same message again', async () => {
    const { client, queue } = await setUp(['one'])
    await sub(client, queue)
    const { message } = await client.event()
    expect(msgIdOf(await ack(client, queue, empty))).toEqual(msgIdOf(message))
    expect(await ack(client, queue, msgIdOf(message))).toEqual({ tag: 'OK' })
  })

  it('with an empty id after GET is OK and deletes nothing', async () => {
    const { client, queue } = await setUp(['one'])
    await get(client, queue)
    expect(await ack(client, queue, empty)).toEqual({ tag: 'OK' })
    expect(brief(await ack(client, queue, empty))).toBe('ERR NO_MSG')
    expect(textOf(queue, await get(client, queue))).toBe('one')
  })

  it('is refused without a subscription, and before anything was delivered', async () => {
    const { client, queue } = await setUp()
    expect(brief(await ack(client, queue, empty))).toBe('ERR NO_MSG')
    await sub(client, queue)
    expect(brief(await ack(client, queue, empty))).toBe('ERR NO_MSG')
  })

  it('of a message that another connection took meanwhile gives the one that is first now', async () => {
    const { client, other, queue } = await setUp(['one', 'two'])
    await sub(client, queue)
    const { message } = await client.event()
    await ack(other, queue, msgIdOf(await get(other, queue)))
    expect(textOf(queue, await ack(client, queue, msgIdOf(message)))).toBe('two')
  })
})

describe('KEY', () => {
  it('secures the queue once', async () => {
    const { client, queue } = await setUp()
    const senderKey = PrivateKey.generate('ed25519')
    const key = (k: typeof senderKey) => client.request({ tag: 'KEY', senderKey: publicAuthKey(k) }, asRecipient(queue))
    expect(await key(senderKey)).toEqual({ tag: 'OK' })
    expect(await key(senderKey)).toEqual({ tag: 'OK' })
    expect(brief(await key(PrivateKey.generate('ed25519')))).toBe('ERR AUTH')
    expect(brief(await client.request(sendCommand('x'), asSender(queue)))).toBe('ERR AUTH')
    expect(brief(await client.request(sendCommand('x'), asSender(queue, senderKey)))).toBe('OK')
  })

  it.each(['messaging', 'contact', null] as const)('works in a queue of mode %s', async (mode) => {
    const { connect } = testBroker()
    const client = connect()
    const queue = await createQueue(client, { queueReq: mode && { mode, link: null } })
    const senderKey = publicAuthKey(PrivateKey.generate('x25519'))
    expect(await client.request({ tag: 'KEY', senderKey }, asRecipient(queue))).toEqual({ tag: 'OK' })
  })
})

describe('RKEY', () => {
  it('replaces the keys of a contact queue, each of which works', async () => {
    const { connect } = testBroker()
    const client = connect()
    const queue = await createQueue(client, { queueReq: { mode: 'contact', link: null } })
    const keys = [PrivateKey.generate('ed25519'), PrivateKey.generate('ed448'), PrivateKey.generate('x25519')]
    const rkey = { tag: 'RKEY', keys: keys.map(publicAuthKey) } as const
    expect(await client.request(rkey, asRecipient(queue))).toEqual({ tag: 'OK' })
    expect(brief(await sub(client, queue))).toBe('ERR AUTH')
    for (const key of keys) expect(brief(await sub(client, { ...queue, key }))).toBe('SOK')
  })

  it.each(['messaging', null] as const)('is refused in a queue of mode %s', async (mode) => {
    const { connect } = testBroker()
    const client = connect()
    const queue = await createQueue(client, { queueReq: mode && { mode, link: null } })
    const keys = [publicAuthKey(PrivateKey.generate('ed25519'))]
    expect(brief(await client.request({ tag: 'RKEY', keys }, asRecipient(queue)))).toBe('ERR AUTH')
  })
})

describe('OFF', () => {
  it('stops sending for good, not reading', async () => {
    const { client, queue } = await setUp(['one'])
    for (let i = 0; i < 2; i++) expect(await client.request({ tag: 'OFF' }, asRecipient(queue))).toEqual({ tag: 'OK' })
    expect(brief(await client.request(sendCommand('two'), asSender(queue)))).toBe('ERR AUTH')
    await sub(client, queue)
    expect(textOf(queue, (await client.event()).message)).toBe('one')
  })
})

describe('DEL', () => {
  it('deletes the queue, and tells another subscriber', async () => {
    const { client, other, queue, clock, broker } = await setUp(['one'])
    await sub(other, queue)
    await other.event()
    expect(await client.request({ tag: 'DEL' }, asRecipient(queue))).toEqual({ tag: 'OK' })
    expect(brief(await client.request({ tag: 'DEL' }, asRecipient(queue)))).toBe('ERR AUTH')
    expect(brief(await client.request(sendCommand('two'), asSender(queue)))).toBe('ERR AUTH')
    expect(broker.statistics()).toMatchObject({ queues: 0, messages: 0 })
    clock.advance(endDelay)
    expect(await other.event()).toEqual({ corrId: empty, entityId: queue.recipientId, message: { tag: 'DELD' } })
  })

  it('tells the connection that deletes nothing', async () => {
    const { client, queue, clock } = await setUp()
    await sub(client, queue)
    await client.request({ tag: 'DEL' }, asRecipient(queue))
    clock.advance(endDelay)
    expect(await client.settledEvents()).toEqual([])
  })
})

describe('QUE', () => {
  it('tells the state of the queue and of the subscription of this connection', async () => {
    const { client, other, queue } = await setUp(['one', 'two'])
    const que = (c: TestClient) => c.request({ tag: 'QUE' }, asRecipient(queue))
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
    const first = await get(other, queue)
    const qiMsg = { msgId: base64(msgIdOf(first)), msgTs: '2026-01-01T00:00:00Z', msgType: 'message' }
    const info = { qiSnd: false, qiNtf: false, qiSize: 2, qiMsg }
    expect(await que(client)).toEqual({ tag: 'INFO', info })
    const qDelivered = base64(msgIdOf(first))
    expect(await que(other)).toEqual({
      tag: 'INFO',
      info: { ...info, qiSub: { qSubThread: 'prohibitSub', qDelivered } },
    })
    await sub(client, queue)
    await client.event()
    expect(await que(client)).toEqual({ tag: 'INFO', info: { ...info, qiSub: { qSubThread: 'noSub', qDelivered } } })
  })

  it('tells of an empty queue with a sender and a notifier', async () => {
    const { connect } = testBroker()
    const client = connect()
    const queue = await createQueue(client, { notifier: true })
    await client.request({ tag: 'KEY', senderKey: publicAuthKey(PrivateKey.generate('ed25519')) }, asRecipient(queue))
    const answer = await client.request({ tag: 'QUE' }, asRecipient(queue))
    expect(answer).toEqual({ tag: 'INFO', info: { qiSnd: true, qiNtf: true, qiSize: 0 } })
  })
})
