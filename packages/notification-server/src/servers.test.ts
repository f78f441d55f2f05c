import { expect, test } from 'vitest'
import { settled } from './testing/manual-clock.js'
import { address, addressText, down, Queue, up, withQueues } from './testing/setup.js'

const minute = 60_000

test('a server is forgotten with its last subscription', async () => {
  const { setup, device, server, subscriber, clock } = await withQueues(0)
  const { id } = await new Queue(1).add(setup, device)
  subscriber.emit(up(), down(true))
  await clock.advance(minute)
  expect((await server.status()).servers).toHaveLength(1)
  await server.subscriptions.remove({ owner: device.owner, id })
  await clock.advance(minute)
  expect((await server.status()).servers).toEqual([])
  expect(await new Queue(2).add(setup, device)).toMatchObject({ created: true })
  expect((await server.status()).servers).toHaveLength(1)
})

test('a server that goes down is looked for where its subscriptions said, also those of before', async () => {
  const { setup, device, server, subscriber, clock } = await withQueues(0)
  subscriber.reachable = ({ hosts }) => hosts[0]?.text === 'new.example.com'
  await new Queue(1).add(setup, device)
  subscriber.emit(up())
  await new Queue(2, address('new.example.com')).add(setup, device)
  subscriber.emit(down(false))
  await clock.advance(25 * 60 * minute)
  expect((await server.status()).servers).toMatchObject([{ address: addressText('new.example.com') }])
})

test('the status counts tokens and subscriptions and says which servers are down since when', async () => {
  const { server, subscriber, clock } = await withQueues(1)
  subscriber.emit(up(), down(true))
  await settled()
  const received = { known: 0, unknown: 0 }
  expect(await server.status()).toEqual({
    tokens: { active: 1 },
    subscriptions: { active: 1 },
    servers: [
      { address: addressText(), up: false, since: clock.now(), reason: 'connection', byService: false, received },
    ],
    pushes: { inFlight: 0, owed: 0 },
  })
})
