import { emptyIdsHash, PrivateKey, xorIdsHash } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import type { BrokerOptions } from '../options.js'
import { type Certificate, endDelay, newCertificate, testBroker } from '../testing/test-broker.js'
import { brief, type Received, type TestClient } from '../testing/test-client.js'
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
const zeroHash = new Uint8Array(16)
const hashOf = (...queues: readonly TestQueue[]) =>
  queues.reduce((hash, { recipientId }) => xorIdsHash(hash, recipientId), emptyIdsHash())
const tags = (events: readonly Received[]) => events.map(({ message }) => brief(message))
const sub = (client: TestClient, queue: TestQueue) => client.request({ tag: 'SUB' }, asRecipient(queue))
const ack = (client: TestClient, queue: TestQueue, msgId: Uint8Array) =>
  client.request({ tag: 'ACK', msgId }, asRecipient(queue))

function setUp(options: BrokerOptions = {}) {
  const test = testBroker(options)
  const certificate = newCertificate('messaging')
  const idOf = (c: Certificate) => test.broker.serviceId(c) ?? empty
  const subs = (client: TestClient, c = certificate) => {
    const counts = client.session.version >= 19 ? { count: -1n, idsHash: zeroHash } : {}
    return client.request({ tag: 'SUBS', ...counts }, { entityId: idOf(c) })
  }
  const ordinary = test.connect()
  const send = async (queue: TestQueue, text: string) =>
    brief(await ordinary.request(sendCommand(text), asSender(queue)))
  const member = (c = certificate, version = 20) => test.connect(version, c)
  const newQueue = (client: TestClient) => createQueue(client, { subMode: 'subscribe' })
  return { ...test, certificate, serviceId: idOf(certificate), idOf, subs, ordinary, send, member, newQueue }
}

describe('SUBS', () => {
  it('answers what is stored, sends the first message of each queue, and ALLS', async () => {
    const { member, newQueue, send, subs } = setUp()
    const first = member()
    const queues = [await newQueue(first), await newQueue(first), await newQueue(first)] as const
    await first.close()
    await send(queues[0], 'one')
    await send(queues[0], 'later')
    await send(queues[2], 'two')
    const second = member()
    expect(await subs(second)).toEqual({ tag: 'SOKS', count: 3n, idsHash: hashOf(...queues) })
    const events = await second.settledEvents()
    expect(tags(events)).toEqual(['MSG', 'MSG', 'ALLS'])
    expect(events.at(-1)).toMatchObject({ entityId: empty, corrId: empty })
    const texts = [textOf(queues[0], events[0]?.message), textOf(queues[2], events[1]?.message)]
    expect(texts).toEqual(['one', 'two'])
    expect(textOf(queues[0], await ack(second, queues[0], msgIdOf(events[0]?.message)))).toBe('later')
  })

  it('sends ALLS also where there are no queues', async () => {
    const { member, subs } = setUp()
    const client = member()
    expect(await subs(client)).toEqual({ tag: 'SOKS', count: 0n, idsHash: zeroHash })
    expect(tags(await client.settledEvents())).toEqual(['ALLS'])
  })

  it('repeated in a connection answers what the session has, and sends nothing', async () => {
    const { member, newQueue, subs } = setUp()
    const client = member()
    await subs(client)
    await client.settledEvents()
    const queue = await newQueue(client)
    expect(await subs(client)).toEqual({ tag: 'SOKS', count: 1n, idsHash: hashOf(queue) })
    expect(await client.settledEvents()).toEqual([])
  })

  it('skips a queue whose message is here already', async () => {
    const { member, newQueue, send, subs } = setUp()
    const client = member()
    const queue = await newQueue(client)
    await send(queue, 'one')
    expect(tags(await client.settledEvents())).toEqual(['MSG'])
    await subs(client)
    expect(tags(await client.settledEvents())).toEqual(['ALLS'])
  })

  it('sends also from queues that are off or blocked', async () => {
    const { broker, member, newQueue, send, subs, ordinary } = setUp()
    const client = member()
    const [off, blocked] = [await newQueue(client), await newQueue(client)]
    await client.close()
    await send(off, 'one')
    await send(blocked, 'two')
    await ordinary.request({ tag: 'OFF' }, asRecipient(off))
    broker.block(blocked.recipientId, { reason: 'spam', notice: null })
    const other = member()
    await subs(other)
    expect(tags(await other.settledEvents())).toEqual(['MSG', 'MSG', 'ALLS'])
  })

  it('needs a session of the service, its own id, and its role', async () => {
    const { ordinary, member, subs, serviceId, connect, idOf } = setUp()
    const command = { tag: 'SUBS', count: 0n, idsHash: zeroHash } as const
    const key = PrivateKey.generate('ed25519')
    expect(brief(await ordinary.request(command, { entityId: serviceId, key }))).toBe('ERR SERVICE')
    const otherService = newCertificate('messaging')
    expect(brief(await subs(member(), otherService))).toBe('ERR SERVICE')
    const notifier = newCertificate('notifier')
    expect(brief(await connect(20, notifier).request(command, { entityId: idOf(notifier) }))).toBe('ERR CMD PROHIBITED')
  })

  it('works without count and hash below version 19', async () => {
    const { member, newQueue, subs, certificate, clock } = setUp()
    const client = member(certificate, 18)
    await newQueue(client)
    expect(await subs(client)).toEqual({ tag: 'SOKS', count: 1n })
    expect(tags(await client.settledEvents())).toEqual(['ALLS'])
    await subs(member())
    clock.advance(endDelay)
    expect((await client.event()).message).toEqual({ tag: 'ENDS', count: 1n })
  })

  it('takes the service from another connection, whose messages are sent again', async () => {
    const { member, newQueue, send, subs, clock, serviceId } = setUp()
    const [one, two] = [member(), member()]
    const queues = [await newQueue(one), await newQueue(one)] as const
    await send(queues[0], 'hello')
    const { message } = await one.event()
    await subs(two)
    expect(tags(await two.settledEvents())).toEqual(['MSG', 'ALLS'])
    expect(brief(await ack(one, queues[0], msgIdOf(message)))).toBe('ERR NO_MSG')
    clock.advance(endDelay)
    const ends = { tag: 'ENDS', count: 2n, idsHash: hashOf(...queues) }
    expect(await one.event()).toEqual({ corrId: empty, entityId: serviceId, message: ends })
    await send(queues[1], 'next')
    expect(tags(await two.settledEvents())).toEqual(['MSG'])
    expect(await one.settledEvents()).toEqual([])
  })

  it('repeated after ENDS takes nothing back', async () => {
    const { member, newQueue, send, subs, clock } = setUp()
    const [one, two] = [member(), member()]
    const queue = await newQueue(one)
    await subs(one)
    await subs(two)
    clock.advance(endDelay)
    await Promise.all([one.settledEvents(), two.settledEvents()])
    expect(await subs(one)).toEqual({ tag: 'SOKS', count: 0n, idsHash: zeroHash })
    await send(queue, 'hello')
    expect(tags(await two.settledEvents())).toEqual(['MSG'])
    expect(await one.settledEvents()).toEqual([])
  })
})

describe('a connection becomes the one of its service', () => {
  it('by NEW, for all queues of the service', async () => {
    const { member, newQueue, send, clock } = setUp()
    const [one, two] = [member(), member()]
    const queue = await newQueue(one)
    await newQueue(two)
    await send(queue, 'hello')
    expect(tags(await two.settledEvents())).toEqual(['MSG'])
    clock.advance(endDelay)
    expect((await one.settledEvents()).map(({ message }) => message)).toMatchObject([{ tag: 'ENDS', count: 1n }])
  })

  it('by SUB of an associated queue, after ENDS, counting from one', async () => {
    const { member, newQueue, subs, clock, send } = setUp()
    const [one, two] = [member(), member()]
    const queues = [await newQueue(one), await newQueue(one)] as const
    await subs(two)
    await two.settledEvents()
    expect(brief(await sub(one, queues[0]))).toBe('SOK')
    clock.advance(endDelay)
    expect(tags(await one.settledEvents())).toEqual(['ENDS'])
    expect((await two.settledEvents()).map(({ message }) => message)).toMatchObject([{ tag: 'ENDS', count: 2n }])
    await send(queues[1], 'hello')
    expect(tags(await one.settledEvents())).toEqual(['MSG'])
    expect(await subs(one)).toMatchObject({ count: 2n })
  })
})

describe('SUB in a session of a service', () => {
  it('gives it a queue that belongs to nobody, and sends its message', async () => {
    const { ordinary, member, send, serviceId, subs } = setUp()
    const queue = await createQueue(ordinary)
    await send(queue, 'hello')
    const client = member()
    expect(await sub(client, queue)).toEqual({ tag: 'SOK', serviceId })
    expect(tags(await client.settledEvents())).toEqual(['MSG'])
    expect(await subs(client)).toEqual({ tag: 'SOKS', count: 1n, idsHash: hashOf(queue) })
  })

  it('takes a queue from an individual subscriber', async () => {
    const { ordinary, member, clock } = setUp()
    const queue = await createQueue(ordinary, { subMode: 'subscribe' })
    await sub(member(), queue)
    clock.advance(endDelay)
    expect(await ordinary.event()).toMatchObject({ entityId: queue.recipientId, message: { tag: 'END' } })
  })

  it('takes a queue from another service, whose count goes down', async () => {
    const { member, newQueue, clock, subs } = setUp()
    const other = newCertificate('messaging')
    const [one, two] = [member(), member(other)]
    const queues = [await newQueue(one), await newQueue(one)] as const
    await sub(two, queues[0])
    clock.advance(endDelay)
    expect(tags(await one.settledEvents())).toEqual(['END'])
    expect(await subs(one)).toEqual({ tag: 'SOKS', count: 1n, idsHash: hashOf(queues[1]) })
    expect(await subs(two, other)).toEqual({ tag: 'SOKS', count: 1n, idsHash: hashOf(queues[0]) })
  })

  it('of a queue of its own leaves the count as it is', async () => {
    const { member, newQueue, subs } = setUp()
    const client = member()
    const queue = await newQueue(client)
    await sub(client, queue)
    await sub(client, queue)
    expect(await subs(client)).toEqual({ tag: 'SOKS', count: 1n, idsHash: hashOf(queue) })
  })
})

describe('SUB in an ordinary session', () => {
  it('takes the queue from its service', async () => {
    const { ordinary, member, newQueue, clock, subs, send } = setUp()
    const client = member()
    const queues = [await newQueue(client), await newQueue(client)] as const
    expect(await sub(ordinary, queues[0])).toEqual({ tag: 'SOK', serviceId: null })
    await send(queues[0], 'hello')
    expect(tags(await ordinary.settledEvents())).toEqual(['MSG'])
    clock.advance(endDelay)
    expect(await client.settledEvents()).toMatchObject([{ entityId: queues[0].recipientId, message: { tag: 'END' } }])
    expect(await subs(client)).toEqual({ tag: 'SOKS', count: 1n, idsHash: hashOf(queues[1]) })
  })

  it('that is prohibited leaves the queue with its service', async () => {
    const { ordinary, member, newQueue, subs, certificate } = setUp()
    const queue = await newQueue(member())
    await ordinary.request({ tag: 'GET' }, asRecipient(queue))
    expect(brief(await sub(ordinary, queue))).toBe('ERR CMD PROHIBITED')
    expect(await subs(member(certificate))).toMatchObject({ count: 1n })
  })
})

describe('DEL of a queue of a service', () => {
  it('tells the connection of the service, and both counts go down', async () => {
    const { ordinary, member, newQueue, clock, subs } = setUp()
    const client = member()
    const queues = [await newQueue(client), await newQueue(client), await newQueue(client)] as const
    await ordinary.request({ tag: 'DEL' }, asRecipient(queues[0]))
    clock.advance(endDelay)
    expect(await client.settledEvents()).toMatchObject([{ entityId: queues[0].recipientId, message: { tag: 'DELD' } }])
    await client.request({ tag: 'DEL' }, asRecipient(queues[1]))
    clock.advance(endDelay)
    expect(await client.settledEvents()).toEqual([])
    const left = { tag: 'SOKS', count: 1n, idsHash: hashOf(queues[2]) }
    expect(await subs(client)).toEqual(left)
    expect(await subs(member())).toEqual(left)
  })
})

describe('the service of a certificate', () => {
  it('has the same id each time, and one role', () => {
    const { broker } = testBroker({ maxServices: 2 })
    const certificate = newCertificate('messaging')
    const id = broker.serviceId(certificate)
    expect(id).toHaveLength(24)
    expect(broker.serviceId(certificate)).toEqual(id)
    expect(broker.serviceId({ ...certificate, role: 'notifier' })).toBeNull()
    expect(broker.serviceId(newCertificate('proxy'))).toHaveLength(24)
    expect(broker.serviceId(newCertificate('proxy'))).toBeNull()
  })
})
