import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import { testBroker } from './testing/test-broker.js'
import { brief, type Received, TestClient } from './testing/test-client.js'
import {
  asNotifier,
  asRecipient,
  asSender,
  createQueue,
  publicAuthKey,
  sendCommand,
  type TestQueue,
  textOf,
} from './testing/test-queue.js'

const ping = { tag: 'PING' } as const
const tags = (block: readonly Received[] | undefined) => block?.map(({ message }) => brief(message))

async function queuesWithMessage(client: TestClient, count: number): Promise<TestQueue[]> {
  const queues: TestQueue[] = []
  for (let i = 0; i < count; i++) {
    const queue = await createQueue(client)
    await client.request(sendCommand(`message ${i}`), asSender(queue))
    queues.push(queue)
  }
  return queues
}

const subs = (queues: readonly TestQueue[]) =>
  queues.map((q) => ({ command: { tag: 'SUB' } as const, ...asRecipient(q) }))

/** The blocks that are answered to these commands in one block. */
async function blocksOf(client: TestClient, requests: Parameters<TestClient['requestAll']>[0]): Promise<Received[][]> {
  const before = client.blocks.length
  await client.requestAll(requests)
  await client.request(ping)
  return client.blocks.slice(before, -1)
}

describe('the commands of a block', () => {
  it('are executed from the last to the first', async () => {
    const client = testBroker().connect()
    const queue = await createQueue(client)
    const answers = await client.requestAll([
      { command: { tag: 'GET' }, ...asRecipient(queue) },
      { command: sendCommand('hello'), ...asSender(queue) },
    ])
    expect(answers.map(brief)).toEqual(['MSG', 'OK'])
  })

  it('are answered in their order, in one block', async () => {
    const client = testBroker().connect()
    const queues = [await createQueue(client), await createQueue(client)]
    const [block, ...others] = await blocksOf(client, [...subs(queues), { command: ping }])
    expect(tags(block)).toEqual(['SOK', 'SOK', 'PONG'])
    expect(block?.slice(0, 2).map(({ entityId }) => entityId)).toEqual(queues.map(({ recipientId }) => recipientId))
    expect(others).toEqual([])
  })

  it('that are refused are answered in a block of their own, first', async () => {
    const client = testBroker().connect()
    const queue = await createQueue(client)
    const blocks = await blocksOf(client, [
      { command: { tag: 'SUB' }, ...asRecipient(queue) },
      { command: { tag: 'GET' }, ...asRecipient(queue), key: PrivateKey.generate('ed25519') },
      { command: { tag: 'SUB' }, entityId: randomBytes(24), key: queue.key },
    ])
    expect(blocks.map(tags)).toEqual([['ERR AUTH', 'ERR AUTH'], ['SOK']])
  })

  it.each([
    [1, [['SOK', 'MSG']]],
    [3, [['SOK', 'SOK', 'SOK', 'MSG'], ['MSG'], ['MSG']]],
    [4, [['SOK'], ['SOK', 'SOK', 'SOK', 'MSG'], ['MSG'], ['MSG'], ['MSG']]],
    [5, [Array(5).fill('SOK'), ...Array(5).fill(['MSG'])]],
  ])('with %i SUB are grouped with their messages', async (count, expected) => {
    const client = testBroker().connect()
    const queues = await queuesWithMessage(client, count)
    const blocks = await blocksOf(client, subs(queues))
    expect(blocks.map(tags)).toEqual(expected)
    const messages = blocks.flat().filter(({ message }) => message.tag === 'MSG')
    expect(messages.map(({ message }, i) => textOf(queues[i] as TestQueue, message))).toEqual(
      queues.map((_, i) => `message ${i}`),
    )
  })
})

describe('a connection', () => {
  it('is not hurt by a fault of the server, which is reported', async () => {
    const { broker, connect, errors } = testBroker()
    const client = connect()
    const queue = await createQueue(client)
    const fault = new Error('a fault')
    broker.subscriptions.subscribeQueue = () => {
      throw fault
    }
    expect(brief(await client.request({ tag: 'SUB' }, asRecipient(queue)))).toBe('ERR INTERNAL')
    expect(errors).toEqual([fault])
    expect(await client.request(ping)).toEqual({ tag: 'PONG' })
  })

  it('is not hurt by a fault while its authorization is checked, which is answered', async () => {
    const { broker, connect, errors } = testBroker()
    const client = connect()
    const queue = await createQueue(client)
    const fault = new Error('a fault')
    broker.store.ofSender = () => {
      throw fault
    }
    expect(brief(await client.request(sendCommand('x'), asSender(queue)))).toBe('ERR INTERNAL')
    expect(errors).toEqual([fault])
    expect(await client.request(ping)).toEqual({ tag: 'PONG' })
  })

  it('is not hurt by a fault of a timer', async () => {
    const { broker, connect, errors, clock } = testBroker()
    const client = connect()
    const queue = await createQueue(client, { notifier: true })
    await client.request({ tag: 'NSUB' }, asNotifier(queue))
    await client.request(sendCommand('x'), asSender(queue))
    const fault = new Error('a fault')
    const { ofNotifier } = broker.store
    broker.store.ofNotifier = () => {
      throw fault
    }
    clock.advance(1500)
    broker.store.ofNotifier = ofNotifier
    expect(errors).toEqual([fault])
    await client.request(sendCommand('y'), asSender(queue))
    clock.advance(1500)
    expect((await client.settledEvents()).map(({ message }) => brief(message))).toEqual(['NMSG', 'NMSG'])
  })

  it('that does not read is not read from, and costs a bounded buffer', async () => {
    const { connect, connectEnds, broker } = testBroker()
    const { clientEnd, serverEnd, served } = connectEnds()
    const slow = new TestClient(clientEnd)
    const fast = connect()
    const [queue] = await queuesWithMessage(fast, 1)
    if (!queue) throw new Error('expected a queue')
    serverEnd.stalled = true
    const get = { command: { tag: 'GET' }, ...asRecipient(queue) } as const
    for (let i = 0; i < 1000; i++) void slow.send([slow.transmission(get)])
    for (let i = 0; i < 1000; i++) await fast.request(ping)
    expect(slow.blocks.length).toBe(1)
    expect(serverEnd.waiting).toBeGreaterThan(800)
    serverEnd.resume()
    for (let i = 0; slow.blocks.length < 1000 && i < 10_000; i++) await fast.request(ping)
    expect(slow.blocks.length).toBe(1000)
    await slow.close()
    await served
    expect(broker.statistics().connections).toBe(1)
  })

  it('that does not read gets its END when it does', async () => {
    const { connect, connectEnds, clock } = testBroker()
    const { clientEnd, serverEnd } = connectEnds()
    const slow = new TestClient(clientEnd)
    const fast = connect()
    const queue = await createQueue(slow, { subMode: 'subscribe' })
    serverEnd.stalled = true
    for (let i = 0; i < 200; i++) void slow.send([slow.transmission({ command: ping })])
    for (let i = 0; i < 200; i++) await fast.request(ping)
    await fast.request({ tag: 'SUB' }, asRecipient(queue))
    clock.advance(15_000)
    await fast.request(ping)
    serverEnd.resume()
    await slow.settledEvents()
    clock.advance(15_000)
    expect(brief((await slow.event()).message)).toBe('END')
  })

  it('whose server drops it in the middle of a block executes no more of it', async () => {
    const { broker, connect, connectEnds } = testBroker()
    const recipient = connect()
    const queue = await createQueue(recipient)
    const { clientEnd, served } = connectEnds()
    const sender = new TestClient(clientEnd)
    const key = PrivateKey.generate('ed25519')
    await recipient.request({ tag: 'KEY', senderKey: publicAuthKey(key) }, asRecipient(queue))
    const send = { command: sendCommand('x'), ...asSender(queue, key) } as const
    // More than are checked before others have their turn.
    await sender.send(Array.from({ length: 90 }, () => sender.transmission(send)))
    await new Promise((resolve) => setImmediate(resolve))
    await broker.close()
    await served
    expect(broker.statistics().messages).toBe(0)
  })

  it('lets others go on between its commands', async () => {
    const { connect } = testBroker()
    const [busy, other] = [connect(), connect()]
    const queue = await createQueue(busy)
    const done: string[] = []
    const many = Array.from({ length: 10 }, () => busy.requestAll(subs(Array(130).fill(queue))))
    const all = Promise.all(many).then(() => done.push('busy'))
    await other.request(ping).then(() => done.push('other'))
    await all
    expect(done).toEqual(['other', 'busy'])
  })

  it('does not make the server try keys without end', async () => {
    const client = testBroker({ maxChecksPerBlock: 10 }).connect()
    const queue = await createQueue(client, { queueReq: { mode: 'contact', link: null } })
    const keys = Array.from({ length: 4 }, () => publicAuthKey(PrivateKey.generate('ed25519')))
    await client.request({ tag: 'RKEY', keys }, asRecipient(queue))
    const answers = await client.requestAll(subs(Array(4).fill(queue)))
    expect(answers.map(brief)).toEqual(['ERR AUTH', 'ERR AUTH', 'ERR INTERNAL', 'ERR INTERNAL'])
    expect(await client.request(ping)).toEqual({ tag: 'PONG' })
  })

  it('costs one check for each key that was tried, not for those behind it', async () => {
    const client = testBroker({ maxChecksPerBlock: 10 }).connect()
    const queue = await createQueue(client, { queueReq: { mode: 'contact', link: null } })
    const others = Array.from({ length: 4 }, () => publicAuthKey(PrivateKey.generate('ed25519')))
    const keys = [publicAuthKey(queue.key), ...others]
    await client.request({ tag: 'RKEY', keys }, asRecipient(queue))
    expect((await client.requestAll(subs(Array(10).fill(queue)))).map(brief)).toEqual(Array(10).fill('SOK'))
  })

  it('that is silent and subscribed to nothing ends after a while', async () => {
    const { connectEnds, clock } = testBroker({ idleDisconnect: 6000 })
    const [silent, talking, subscribed] = [connectEnds(), connectEnds(), connectEnds()]
    const [talker, subscriber] = [new TestClient(talking.clientEnd), new TestClient(subscribed.clientEnd)]
    await createQueue(subscriber, { subMode: 'subscribe' })
    for (let i = 0; i < 8; i++) {
      clock.advance(1000)
      await talker.request(ping)
    }
    await silent.served
    expect(await silent.clientEnd.closed).toBeUndefined()
    expect(await subscriber.request(ping)).toEqual({ tag: 'PONG' })
  })

  it('answers NEW of each version with what that version knows', async () => {
    const { connect } = testBroker()
    for (const version of [14, 15, 16, 17, 18, 19, 20]) {
      const client = connect(version)
      const { ids } = await createQueue(client, { notifier: true })
      expect(ids.ntfCreds === null).toBe(version < 17)
    }
  })

  it('survives random and mutated blocks, and answers afterwards', async () => {
    const { connect, errors } = testBroker()
    const client = connect()
    const queue = await createQueue(client)
    const valid = client.transmission({ command: { tag: 'SUB' }, ...asRecipient(queue) })
    const block = Uint8Array.from([1, 0, valid.length, ...valid])
    for (let i = 0; i < 500; i++) {
      const mutated = i % 2 === 0 ? randomBytes(1 + (i % 300)) : new Uint8Array(block)
      const [at = 0, value = 0] = randomBytes(2)
      mutated[at % mutated.length] = value
      await client.connection.send(mutated)
    }
    expect(await client.request(ping)).toEqual({ tag: 'PONG' })
    expect(errors).toEqual([])
  })
})
