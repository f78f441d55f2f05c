import { expect, test } from 'vitest'
import { FakeProvider } from './testing/fakes.js'
import { address, Device, Queue, setUp, up, withQueues } from './testing/setup.js'

test('counts rows by status as they change, also those that were there at the start (W24)', async () => {
  const { server, store, device, queues, setup, provider } = await withQueues(2)
  await new Device('another').register(setup)
  const counts = { tokens: { active: 1, confirmed: 1 }, subscriptions: { active: 2 } }
  expect(server.metrics()).toMatchObject({
    ...counts,
    events: { tokensCreated: 2, tokensVerified: 1, tokensDeleted: 0, subscriptionsCreated: 2, subscriptionsDeleted: 0 },
  })
  provider.outcomes.push({ outcome: 'gone', reason: 'UNREGISTERED' })
  setup.subscriber.emit((queues[0] as Queue).notification(), new Queue(9).notification())
  await setup.clock.advance(0)
  expect(server.metrics()).toMatchObject({
    tokens: { invalid: 1, confirmed: 1 },
    received: { known: 1, unknown: 1 },
    backlog: 0,
  })
  await server.close()
  const next = await setUp({ store })
  expect(next.server.metrics()).toMatchObject({
    tokens: { invalid: 1, confirmed: 1 },
    subscriptions: { active: 2 },
    events: { tokensCreated: 0 },
  })
  await next.server.tokens.remove(device)
  expect(next.server.metrics()).toMatchObject({
    tokens: { confirmed: 1 },
    subscriptions: {},
    events: { tokensDeleted: 1, subscriptionsDeleted: 2 },
  })
})

test('22 §9: tokens whose pushes go nowhere are in no counter of tokens', async () => {
  const provider = new FakeProvider('apns_null')
  const setup = await setUp({ providers: [provider, new FakeProvider('fake')] })
  const device = await new Device('owner', 'token', 'apns_null').activate({ ...setup, provider })
  await device.replace(setup, 'another')
  const { tokens, events, outbox } = setup.server.metrics()
  expect(tokens).toEqual({ confirmed: 1 })
  expect([events, outbox.verifications]).toMatchObject([
    { tokensCreated: 0, tokensVerified: 0, tokensReplaced: 0, tokensDeleted: 0 },
    0,
  ])
  await setup.server.tokens.remove(device)
  expect(setup.server.metrics().events).toMatchObject({ tokensDeleted: 0 })
})

test('22 §9: verification pushes are counted when they are asked for, notifications by their server', async () => {
  const { server, subscriber, setup, device, queues, clock } = await withQueues(1)
  const elsewhere = new Queue(2, address('another.example.com', 8))
  await elsewhere.add(setup, device)
  subscriber.emit(up(elsewhere.server))
  setup.provider.outcomes.push({ outcome: 'retry', afterMs: 0, reason: '503' })
  await device.replace(setup, 'another')
  await clock.advance(60_000)
  const [mine, strange] = [queues[0] as Queue, new Queue(9)]
  subscriber.emit(mine.notification(), strange.notification(), elsewhere.notification(), mine.notification())
  await clock.advance(0)
  const { outbox, received, servers } = server.metrics()
  expect(outbox.verifications).toBe(2)
  expect(received).toEqual({ known: 3, unknown: 1 })
  expect(servers.map((one) => one.received)).toEqual([
    { known: 2, unknown: 1 },
    { known: 1, unknown: 0 },
  ])
})
