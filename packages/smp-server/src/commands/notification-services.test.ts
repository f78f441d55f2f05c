import { authorize } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import { endDelay, newCertificate, notificationTick, testBroker } from '../testing/test-broker.js'
import { brief, type Received, type TestClient } from '../testing/test-client.js'
import { asNotifier, asRecipient, asSender, createQueue, sendCommand, type TestQueue } from '../testing/test-queue.js'

const empty = new Uint8Array(0)
const nsub = (client: TestClient, queue: TestQueue) => client.request({ tag: 'NSUB' }, asNotifier(queue))
const tags = (events: readonly Received[]) => events.map(({ message }) => brief(message))

async function setUp() {
  const test = testBroker()
  const client = test.connect()
  const notifier = test.connect()
  const queue = await createQueue(client, { notifier: true })
  const send = async (text: string) => brief(await client.request(sendCommand(text), asSender(queue)))
  const tick = () => test.clock.advance(notificationTick)
  return { ...test, client, notifier, queue, send, tick }
}

describe('a service of notifications', () => {
  const service = () => newCertificate('notifier')
  const count = (events: readonly Received[]) =>
    events.map(({ message }) => ('count' in message ? message.count : null))

  it('gets the notifications of queues that it subscribed to, from another connection after NSUBS', async () => {
    const { queue, send, tick, connect, broker } = await setUp()
    const certificate = service()
    const serviceId = broker.serviceId(certificate)
    const first = connect(20, certificate)
    expect(await nsub(first, queue)).toEqual({ tag: 'SOK', serviceId })
    await send('one')
    tick()
    expect(tags(await first.settledEvents())).toEqual(['NMSG'])
    await first.close()
    await send('two')
    const second = connect(20, certificate)
    const nsubs = { tag: 'NSUBS', count: 7n, idsHash: new Uint8Array(16) } as const
    const answer = await second.request(nsubs, { entityId: serviceId ?? empty })
    expect(answer).toMatchObject({ tag: 'SOKS', count: 1n })
    tick()
    expect(tags(await second.settledEvents())).toEqual(['NMSG'])
  })

  it('takes a queue from an individual subscriber, and loses it to one', async () => {
    const { notifier, queue, clock, connect, broker } = await setUp()
    const certificate = service()
    const member = connect(20, certificate)
    await nsub(notifier, queue)
    await nsub(member, queue)
    clock.advance(endDelay)
    expect(tags(await notifier.settledEvents())).toEqual(['END'])
    await nsub(notifier, queue)
    clock.advance(endDelay)
    expect(tags(await member.settledEvents())).toEqual(['END'])
    const nsubs = { tag: 'NSUBS', count: 0n, idsHash: new Uint8Array(16) } as const
    const entityId = broker.serviceId(certificate) ?? empty
    expect(await member.request(nsubs, { entityId })).toMatchObject({ count: 0n })
  })

  it('of another certificate takes a queue over', async () => {
    const { queue, clock, connect } = await setUp()
    const [one, two] = [connect(20, service()), connect(20, service())]
    await nsub(one, queue)
    await nsub(two, queue)
    clock.advance(endDelay)
    expect(tags(await one.settledEvents())).toEqual(['END'])
  })

  it('counts a queue once, and hands over to the newest connection with ENDS', async () => {
    const { client, queue, clock, connect } = await setUp()
    const certificate = service()
    const [one, two] = [connect(20, certificate), connect(20, certificate)]
    await nsub(one, queue)
    await nsub(one, queue)
    await nsub(one, await createQueue(client, { notifier: true }))
    await nsub(two, queue)
    clock.advance(endDelay)
    const events = await one.settledEvents()
    expect(tags(events)).toEqual(['ENDS'])
    expect(count(events)).toEqual([2n])
  })

  it.each(['NSUB', 'SUB', 'NEW'] as const)(
    'must sign %s with its session key only in its own sessions',
    async (tag) => {
      const { client, queue, connect } = await setUp()
      const certificate = newCertificate(tag === 'NSUB' ? 'notifier' : 'messaging')
      const member = connect(20, certificate)
      const command = { tag: tag === 'NEW' ? 'SUB' : tag } as const
      const credentials = tag === 'NSUB' ? asNotifier(queue) : asRecipient(queue)
      // A session that knows nothing of its service signs once.
      const plain = { ...member.session, service: null }
      const corrId = new Uint8Array(24).fill(1)
      const answer = member.answer(corrId)
      await member.send([authorize(plain, { corrId, command, ...credentials }).transmission])
      expect(brief((await answer).message)).toBe('ERR SERVICE')
      const signed = { ...client.session, service: member.session.service }
      const second = client.answer(corrId)
      await client.send([authorize(signed, { corrId, command, ...credentials }).transmission])
      expect(brief((await second).message)).toBe('ERR SERVICE')
    },
  )
})
