import { emptyIdsHash, xorIdsHash } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import type { BrokerOptions } from '../options.js'
import { endDelay, newCertificate, notificationTick, testBroker } from '../testing/test-broker.js'
import { brief, type Received, type TestClient } from '../testing/test-client.js'
import {
  asNotifier,
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
const hashOf = (ids: readonly Uint8Array[]) => ids.reduce((hash, id) => xorIdsHash(hash, id), emptyIdsHash())
const tags = (events: readonly Received[]) => events.map(({ message }) => brief(message))
const sub = (client: TestClient, queue: TestQueue) => client.request({ tag: 'SUB' }, asRecipient(queue))
const nsub = (client: TestClient, queue: TestQueue) => client.request({ tag: 'NSUB' }, asNotifier(queue))
const get = (client: TestClient, queue: TestQueue) => client.request({ tag: 'GET' }, asRecipient(queue))

function setUp(role: 'messaging' | 'notifier', options: BrokerOptions = {}) {
  const test = testBroker(options)
  const certificate = newCertificate(role)
  const serviceId = test.broker.serviceId(certificate) ?? empty
  const ordinary = test.connect()
  const member = (version = 20) => test.connect(version, certificate)
  const subscribeAll = (client: TestClient) => {
    const counted = client.session.version >= 19 ? { count: 5n, idsHash: zeroHash } : {}
    const tag = role === 'messaging' ? 'SUBS' : 'NSUBS'
    return client.request({ tag, ...counted }, { entityId: serviceId })
  }
  const send = (queue: TestQueue, text = 'x') => ordinary.request(sendCommand(text), asSender(queue))
  return { ...test, certificate, serviceId, ordinary, member, subscribeAll, send }
}

describe('the session of a messaging service', () => {
  it('counts what it created, also before SUBS, and loses it with ENDS', async () => {
    const { member, subscribeAll, clock, serviceId } = setUp('messaging')
    const [one, two] = [member(), member()]
    const ids = []
    for (let i = 0; i < 3; i++) ids.push((await createQueue(one, { subMode: 'subscribe' })).recipientId)
    await subscribeAll(two)
    clock.advance(endDelay - 1)
    expect(await one.settledEvents()).toEqual([])
    clock.advance(1)
    const ends = { tag: 'ENDS', count: 3n, idsHash: hashOf(ids) }
    expect(await one.settledEvents()).toEqual([{ corrId: empty, entityId: serviceId, message: ends }])
  })

  it('that became subscriber by SUB loses one queue with ENDS', async () => {
    const { member, subscribeAll, clock } = setUp('messaging')
    const first = member()
    const queues = [
      await createQueue(first, { subMode: 'subscribe' }),
      await createQueue(first, { subMode: 'subscribe' }),
    ] as const
    await first.close()
    const [one, two] = [member(), member()]
    expect(brief(await sub(one, queues[0]))).toBe('SOK')
    await subscribeAll(two)
    clock.advance(endDelay)
    const idsHash = hashOf([queues[0].recipientId])
    expect((await one.settledEvents()).map(({ message }) => message)).toEqual([{ tag: 'ENDS', count: 1n, idsHash }])
  })

  it('gets no walk and no ALLS by SUB, and both by the SUBS after it', async () => {
    const { member, subscribeAll, send } = setUp('messaging')
    const first = member()
    const queues = [
      await createQueue(first, { subMode: 'subscribe' }),
      await createQueue(first, { subMode: 'subscribe' }),
    ] as const
    await first.close()
    for (const queue of queues) await send(queue)
    const client = member()
    await sub(client, queues[0])
    expect(tags(await client.settledEvents())).toEqual(['MSG'])
    expect(await subscribeAll(client)).toMatchObject({ count: 2n })
    expect(tags(await client.settledEvents())).toEqual(['MSG', 'ALLS'])
  })

  it('is not sent the message of a queue that it read with GET', async () => {
    const { member, subscribeAll, send } = setUp('messaging')
    const first = member()
    const queue = await createQueue(first, { subMode: 'subscribe' })
    await first.close()
    await send(queue, 'one')
    const client = member()
    expect(textOf(queue, await get(client, queue))).toBe('one')
    await subscribeAll(client)
    expect(tags(await client.settledEvents())).toEqual(['ALLS'])
    expect(brief(await sub(client, queue))).toBe('ERR CMD PROHIBITED')
  })

  it('acknowledges without a signature of the service, one message of a queue at a time', async () => {
    const { member, send } = setUp('messaging')
    const client = member()
    const queue = await createQueue(client, { subMode: 'subscribe' })
    for (const text of ['one', 'two']) await send(queue, text)
    const [event, ...others] = await client.settledEvents()
    expect(others).toEqual([])
    const ack = (msgId: Uint8Array) => client.request({ tag: 'ACK', msgId }, asRecipient(queue))
    const next = await ack(msgIdOf(event?.message))
    expect(textOf(queue, next)).toBe('two')
    expect(await ack(msgIdOf(next))).toEqual({ tag: 'OK' })
  })

  it.each([16, 17, 18, 19, 20])(
    'at version %i has count, and hash from 19 on, walk, ALLS and ENDS',
    async (version) => {
      const { member, subscribeAll, send, clock } = setUp('messaging')
      const first = member(version)
      const queue = await createQueue(first, { subMode: 'subscribe' })
      expect(queue.ids.serviceId).toHaveLength(24)
      await first.close()
      await send(queue)
      const client = member(version)
      const counted = { count: 1n, ...(version >= 19 && { idsHash: hashOf([queue.recipientId]) }) }
      expect(await subscribeAll(client)).toEqual({ tag: 'SOKS', ...counted })
      expect(tags(await client.settledEvents())).toEqual(['MSG', 'ALLS'])
      await subscribeAll(member(version))
      clock.advance(endDelay)
      expect((await client.settledEvents()).map(({ message }) => message)).toEqual([{ tag: 'ENDS', ...counted }])
    },
  )

  it('that is subscribed to a service without queues is not idle', async () => {
    const { member, subscribeAll, clock } = setUp('messaging', { idleDisconnect: 6000 })
    const client = member()
    await subscribeAll(client)
    clock.advance(60_000)
    expect(await client.request({ tag: 'PING' })).toEqual({ tag: 'PONG' })
  })

  it('gets END for what an ordinary SUB takes, and nothing for the rest', async () => {
    const { member, ordinary, clock, send, subscribeAll } = setUp('messaging')
    const client = member()
    const queues = [
      await createQueue(client, { subMode: 'subscribe' }),
      await createQueue(client, { subMode: 'subscribe' }),
    ] as const
    await sub(ordinary, queues[0])
    clock.advance(endDelay)
    expect(await client.settledEvents()).toMatchObject([{ entityId: queues[0].recipientId, message: { tag: 'END' } }])
    await send(queues[1])
    expect(tags(await client.settledEvents())).toEqual(['MSG'])
    expect(await sub(client, queues[0])).toMatchObject({ tag: 'SOK' })
    const idsHash = hashOf(queues.map(({ recipientId }) => recipientId))
    expect(await subscribeAll(client)).toEqual({ tag: 'SOKS', count: 2n, idsHash })
    clock.advance(endDelay)
    expect(tags(await ordinary.settledEvents())).toEqual(['END'])
  })
})

describe('the session of a notification service', () => {
  it('gets what waits for all its queues after its first NSUB', async () => {
    const { member, ordinary, send, clock } = setUp('notifier')
    const queues = [
      await createQueue(ordinary, { notifier: true }),
      await createQueue(ordinary, { notifier: true }),
    ] as const
    const first = member()
    for (const queue of queues) await nsub(first, queue)
    await first.close()
    for (const queue of queues) await send(queue)
    clock.advance(notificationTick)
    const second = member()
    await nsub(second, queues[0])
    clock.advance(notificationTick)
    const ids = (await second.settledEvents()).map(({ entityId }) => entityId)
    expect(new Set(ids)).toEqual(new Set(queues.map(({ notifier }) => notifier?.id)))
  })

  it.each([16, 18, 19, 20])('counts notifier ids at version %i; NSUBS sends no ALLS', async (version) => {
    const { member, ordinary, subscribeAll, clock, serviceId } = setUp('notifier')
    const queues = [await createQueue(ordinary, { notifier: true }), await createQueue(ordinary, { notifier: true })]
    const one = member(version)
    expect(await subscribeAll(one)).toMatchObject({ tag: 'SOKS', count: 0n })
    for (const queue of queues) expect(await nsub(one, queue)).toEqual({ tag: 'SOK', serviceId })
    const idsHash = hashOf(queues.map(({ notifier }) => notifier?.id ?? empty))
    const counted = { count: 2n, ...(version >= 19 && { idsHash }) }
    expect(await subscribeAll(one)).toEqual({ tag: 'SOKS', ...counted })
    expect(await one.settledEvents()).toEqual([])
    const two = member(version)
    expect(await subscribeAll(two)).toEqual({ tag: 'SOKS', ...counted })
    clock.advance(endDelay)
    expect(await one.settledEvents()).toEqual([
      { corrId: empty, entityId: serviceId, message: { tag: 'ENDS', ...counted } },
    ])
    expect(await subscribeAll(one)).toMatchObject({ count: 0n })
    expect(await two.settledEvents()).toEqual([])
  })

  it('loses a notifier that is deleted or replaced, with DELD', async () => {
    const { member, ordinary, subscribeAll, clock } = setUp('notifier')
    const queues = [
      await createQueue(ordinary, { notifier: true }),
      await createQueue(ordinary, { notifier: true }),
    ] as const
    const client = member()
    for (const queue of queues) await nsub(client, queue)
    await ordinary.request({ tag: 'NDEL' }, asRecipient(queues[0]))
    await ordinary.request({ tag: 'DEL' }, asRecipient(queues[1]))
    clock.advance(endDelay)
    const deld = queues.map(({ notifier }) => ({ corrId: empty, entityId: notifier?.id, message: { tag: 'DELD' } }))
    expect(await client.settledEvents()).toEqual(deld)
    expect(await subscribeAll(client)).toEqual({ tag: 'SOKS', count: 0n, idsHash: zeroHash })
  })

  it('gets nothing more of a notifier that an ordinary NSUB took', async () => {
    const { member, ordinary, connect, send, clock } = setUp('notifier')
    const queue = await createQueue(ordinary, { notifier: true })
    const [client, other] = [member(), connect()]
    await nsub(client, queue)
    await send(queue)
    expect(await nsub(other, queue)).toEqual({ tag: 'SOK', serviceId: null })
    clock.advance(notificationTick)
    expect(tags(await other.settledEvents())).toEqual(['NMSG'])
    clock.advance(endDelay)
    expect(await client.settledEvents()).toMatchObject([{ entityId: queue.notifier?.id, message: { tag: 'END' } }])
  })
})
