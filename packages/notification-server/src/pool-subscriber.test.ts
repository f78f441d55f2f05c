import { setTimeout as delay } from 'node:timers/promises'
import { PrivateKey } from '@smpkit/crypto'
import { startSmpServer } from '@smpkit/smp-server'
import { expect, onTestFinished, test } from 'vitest'
import { guardedConnect } from './guarded-connect.js'
import { createPoolSubscriber, type PoolSubscriberOptions } from './pool-subscriber.js'
import type { SubscriberEvent } from './subscriber.js'
import { newQueue } from './testing/queue.js'

const connect = guardedConnect({ allow: ['127.0.0.1'] })

const eventually = <T>(what: () => T) => expect.poll(what, { timeout: 10_000 })

async function start(options: PoolSubscriberOptions = {}) {
  const smp = await startSmpServer({ endDelay: 20 })
  onTestFinished(() => smp[Symbol.asyncDispose]())
  const subscriber = createPoolSubscriber({ connect, ...options })
  onTestFinished(() => subscriber.close())
  const events: SubscriberEvent[] = []
  void (async () => {
    for await (const some of subscriber.events) events.push(...some)
  })()
  const types = () => events.map(({ type }) => type)
  return { smp, subscriber, events, types }
}

test('tells of each queue, and once in a session that all were answered', async () => {
  const { smp, subscriber, types } = await start()
  const queues = await Promise.all([1, 2, 3].map(() => newQueue(smp)))
  subscriber.subscribe(smp.address, queues)
  await eventually(types).toContain('settled')
  await delay(50)
  expect(types()[0]).toBe('up')
  expect([...types()].sort()).toEqual(['settled', 'subscribed', 'subscribed', 'subscribed', 'up'])
})

test('does not tell again of queues that are known to be subscribed, but that all were answered', async () => {
  const { smp, subscriber, types } = await start()
  const [known, other] = [await newQueue(smp), await newQueue(smp)]
  subscriber.subscribe(smp.address, [{ ...known, isKnown: true }, other])
  await eventually(types).toContain('settled')
  await delay(50)
  expect([...types()].sort()).toEqual(['settled', 'subscribed', 'up'])
  const deleted = { ...known, notifierKey: PrivateKey.generate('ed25519'), isKnown: true }
  subscriber.subscribe(smp.address, [deleted])
  await eventually(types).toContain('refused')
})

test('what is subscribed and forgotten while a connection ends stays forgotten', async () => {
  const { smp, subscriber, types } = await start()
  const [first, second] = [await newQueue(smp), await newQueue(smp)]
  subscriber.subscribe(smp.address, [first])
  await eventually(types).toContain('settled')
  subscriber.unsubscribe(smp.address, [first.notifierId])
  subscriber.subscribe(smp.address, [second])
  subscriber.unsubscribe(smp.address, [second.notifierId])
  await eventually(types).toContain('down')
  await delay(50)
  expect(types()).toEqual(['up', 'subscribed', 'settled', 'down'])
  subscriber.subscribe(smp.address, [second])
  await eventually(() => types().slice(4)).toEqual(['up', 'subscribed', 'settled'])
})

test('a probe presents no service, and does not disturb the session', async () => {
  const presented: boolean[] = []
  const { smp, subscriber, types } = await start({
    connect: (server, options) => {
      presented.push(Boolean(options.service))
      return connect(server, options)
    },
    service: async () => null,
  })
  subscriber.subscribe(smp.address, [await newQueue(smp)])
  await eventually(types).toContain('settled')
  expect(await subscriber.probe(smp.address)).toBe(true)
  expect(await subscriber.probe({ ...smp.address, keyHash: new Uint8Array(32) })).toBe(false)
  expect(types()).toEqual(['up', 'subscribed', 'settled'])
  expect(presented).toEqual([false, false, false])
})

test('a server that refuses the key is told, and no connection stays for nobody', async () => {
  const { smp, subscriber, events, types } = await start()
  const { notifierId } = await newQueue(smp)
  subscriber.subscribe(smp.address, [{ notifierId, notifierKey: PrivateKey.generate('ed25519') }])
  await eventually(types).toContain('down')
  expect(events).toMatchObject([
    { type: 'up' },
    { type: 'refused', code: 'AUTH' },
    { type: 'settled' },
    { type: 'down', orderly: true },
  ])
})

test('by default nothing in our own network is connected to', async () => {
  const { smp } = await start()
  const subscriber = createPoolSubscriber()
  onTestFinished(() => subscriber.close())
  expect(await subscriber.probe(smp.address)).toBe(false)
})
