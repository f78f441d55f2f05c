import { expect, test } from 'vitest'
import { Device, Queue, setUp, withQueues } from './testing/setup.js'

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
