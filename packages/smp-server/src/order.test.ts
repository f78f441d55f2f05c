import { PrivateKey } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import { endDelay, newCertificate, testBroker } from './testing/test-broker.js'
import { brief, type Request, TestClient } from './testing/test-client.js'
import { asRecipient, asSender, createQueue, sendCommand, type TestQueue, textOf } from './testing/test-queue.js'

const empty = new Uint8Array(0)
const ping = { command: { tag: 'PING' } } as const
const sub = (queue: TestQueue) => ({ command: { tag: 'SUB' }, ...asRecipient(queue) }) as const
const send = (queue: TestQueue, text = 'x') => ({ command: sendCommand(text), ...asSender(queue) })

/** The blocks that come for these commands in one block, as tags. */
async function blocksOf(client: TestClient, requests: readonly Request[]): Promise<string[][]> {
  const before = client.blocks.length
  await client.requestAll(requests)
  await client.requestAll([ping])
  return client.blocks.slice(before, -1).map((block) => block.map(({ message }) => brief(message)))
}

describe('a message to a subscriber that sends it itself', () => {
  it('comes behind the answer', async () => {
    const client = testBroker().connect()
    const queue = await createQueue(client, { subMode: 'subscribe' })
    expect(await blocksOf(client, [send(queue)])).toEqual([['OK'], ['MSG']])
  })

  it('comes behind all answers of the block', async () => {
    const client = testBroker().connect()
    const [one, two] = [await createQueue(client), await createQueue(client, { subMode: 'subscribe' })]
    expect(await blocksOf(client, [send(one), sub(one)])).toEqual([['OK', 'SOK'], ['MSG']])
    const blocks = await blocksOf(client, [send(two), ping, ping, ping, ping])
    expect(blocks).toEqual([['OK', 'PONG', 'PONG', 'PONG', 'PONG'], ['MSG']])
  })

  it('stands in the block of SUB where it was sent before', async () => {
    const client = testBroker().connect()
    const queue = await createQueue(client)
    expect(await blocksOf(client, [sub(queue), send(queue)])).toEqual([['SOK', 'OK', 'MSG']])
  })
})

describe('the answers of a block', () => {
  it('count for its grouping without those that are refused before', async () => {
    const client = testBroker().connect()
    const queues = [await createQueue(client), await createQueue(client)] as const
    for (const queue of queues) await client.requestAll([send(queue)])
    const refused = { ...sub(queues[0]), key: PrivateKey.generate('ed25519') }
    const blocks = await blocksOf(client, [refused, sub(queues[0]), refused, sub(queues[1]), refused])
    expect(blocks).toEqual([Array(3).fill('ERR AUTH'), ['SOK', 'SOK', 'MSG'], ['MSG']])
  })

  it('that do not fit one block stand in several, the first of which is the partial one', async () => {
    const client = testBroker().connect()
    const queue = await createQueue(client)
    await client.requestAll([send(queue)])
    const get = { command: { tag: 'GET' }, ...asRecipient(queue) } as const
    expect(await blocksOf(client, [ping, get, get, ping])).toEqual([
      ['PONG', 'MSG'],
      ['MSG', 'PONG'],
    ])
  })

  it('carry messages to other connections at once', async () => {
    const { connect } = testBroker()
    const [sender, recipient] = [connect(), connect()]
    const queue = await createQueue(recipient, { subMode: 'subscribe' })
    expect(await blocksOf(sender, [send(queue)])).toEqual([['OK']])
    expect(textOf(queue, (await recipient.event()).message)).toBe('x')
  })
})

describe('SUBS', () => {
  it('is answered first, then come the messages one to a block, then ALLS', async () => {
    const { broker, connect } = testBroker()
    const certificate = newCertificate('messaging')
    const [ordinary, first] = [connect(), connect(20, certificate)]
    const queues = [
      await createQueue(first, { subMode: 'subscribe' }),
      await createQueue(first, { subMode: 'subscribe' }),
    ]
    await first.close()
    for (const queue of queues) await ordinary.requestAll([send(queue)])
    const client = connect(20, certificate)
    const entityId = broker.serviceId(certificate) ?? empty
    const subs = { command: { tag: 'SUBS', count: 0n, idsHash: empty }, entityId } as const
    expect(await blocksOf(client, [subs])).toEqual([['SOKS'], ['MSG'], ['MSG'], ['ALLS']])
  })
})

describe('END', () => {
  it('goes 255 to a block', async () => {
    const { connect, clock } = testBroker()
    const [one, two] = [connect(), connect()]
    const queues: TestQueue[] = []
    for (let i = 0; i < 300; i++) queues.push(await createQueue(one, { subMode: 'subscribe' }))
    for (let i = 0; i < queues.length; i += 100) await two.requestAll(queues.slice(i, i + 100).map(sub))
    clock.advance(endDelay)
    await one.requestAll([ping])
    const sizes = one.blocks.filter(([item]) => item?.message.tag === 'END').map(({ length }) => length)
    expect(sizes).toEqual([45, 255])
  })

  it('comes once, however often two connections took the queue from each other', async () => {
    const { connect, clock } = testBroker()
    const [one, two, three] = [connect(), connect(), connect()]
    const queue = await createQueue(one, { notifier: true })
    for (let i = 0; i < 50; i++) for (const client of [one, two]) await client.requestAll([sub(queue)])
    await three.requestAll([sub(queue)])
    clock.advance(endDelay)
    for (const client of [one, two]) {
      expect((await client.settledEvents()).map(({ message }) => brief(message))).toEqual(['END'])
    }
    expect(await three.settledEvents()).toEqual([])
  })

  it('is replaced by DELD where the queue was taken back and deleted', async () => {
    const { connect, clock } = testBroker()
    const [one, two] = [connect(), connect()]
    const queue = await createQueue(one, { subMode: 'subscribe' })
    for (const client of [two, one]) await client.requestAll([sub(queue)])
    await two.requestAll([{ command: { tag: 'DEL' }, ...asRecipient(queue) }])
    clock.advance(endDelay)
    expect((await one.settledEvents()).map(({ message }) => brief(message))).toEqual(['DELD'])
    expect((await two.settledEvents()).map(({ message }) => brief(message))).toEqual(['END'])
  })
})

describe('a message that cannot be made', () => {
  it('is answered with ERR INTERNAL about its queue, and the connection goes on', async () => {
    const { connectEnds, broker, errors } = testBroker()
    const client = new TestClient(connectEnds().clientEnd)
    const queue = await createQueue(client)
    await client.requestAll([send(queue)])
    for (const stored of broker.store.queues.values())
      for (const message of stored.messages) Object.assign(message, { ts: 'never' })
    await client.requestAll([sub(queue)])
    expect(await client.event()).toMatchObject({ entityId: queue.recipientId, corrId: empty, message: { tag: 'ERR' } })
    expect(errors).toHaveLength(1)
    expect(await client.request({ tag: 'PING' })).toEqual({ tag: 'PONG' })
  })
})
