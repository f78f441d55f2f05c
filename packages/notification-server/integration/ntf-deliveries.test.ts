// Spec 22 §6, 24 §1 D1, D7, D8, D14–D16: what wakes a device, with what, and what does not.
import { toHex } from '@smpkit/encoding'
import { describe, expect, test } from 'vitest'
import { until } from './support/in-process.js'
import { NtfDevice, newToken } from './support/ntf-device.js'
import { overNtfServers } from './support/ntf-target.js'
import type { Queue } from './support/queues.js'

overNtfServers((target) => {
  /** A device with a subscribed queue. */
  async function woken() {
    const device = await new NtfDevice(target).activate()
    const queue = await target.newQueue()
    return { device, queue, subscription: await device.subscribed(queue) }
  }

  /** One message after the other, each told of before the next. */
  async function sendInTurn(device: NtfDevice, queues: readonly Queue[]): Promise<void> {
    for (const queue of queues) {
      const before = device.told(queue).size
      await queue.send()
      await device.untilTold(queue, before + 1)
    }
  }

  const newestList = (device: NtfDevice) => (device.lists().at(-1) ?? []).map(({ notifierId }) => toHex(notifierId))
  const keys = (queues: readonly Queue[]) => queues.map(({ key }) => key)

  test('D1: every message that asks for it is told of, with its id and time; others are not', async () => {
    const { device, queue } = await woken()
    for (let i = 1; i <= 3; i++) {
      await queue.send('silent', { notification: false })
      await queue.send('loud')
      await device.untilTold(queue, i)
    }
    const messages = await queue.receive()
    const items = device.lists().flat()
    const metas = items.map((item) => queue.metaOf(item))
    expect(new Set(metas.map(({ id }) => id))).toEqual(new Set([1, 3, 5].map((at) => messages[at]?.id)))
    for (const meta of metas) expect(messages).toContainEqual(meta)
    const now = Date.now() / 1000
    for (const { ntfTs } of items) expect(Math.abs(ntfTs - now)).toBeLessThan(3600)
  })

  describe('D7', () => {
    test('D7: of seven queues the six that were notified last are in a push, one item each, newest last', async () => {
      const device = await new NtfDevice(target).activate()
      const queues = await target.newQueues(7)
      for (const queue of queues) await device.subscribed(queue)
      for (let count = 1; count <= 7; count++) {
        await sendInTurn(device, queues.slice(count - 1, count))
        expect(newestList(device)).toEqual(keys(queues.slice(Math.max(0, count - 6), count)))
      }
      // One that was there before goes to the end, one that had gone comes back.
      const [first, , third, ...rest] = queues as [Queue, Queue, Queue, ...Queue[]]
      await sendInTurn(device, [third])
      expect(newestList(device)).toEqual(keys([queues[1] as Queue, ...rest, third]))
      await sendInTurn(device, [first])
      expect(newestList(device)).toEqual(keys([...rest, third, first]))
      // What is repeated is what was told of before.
      const items = device.lists().at(-1) ?? []
      const ids = items.map((item, i) => ([...rest, third, first][i] as Queue).messageId(item))
      expect(new Set(ids).size).toBe(6)
    })

    test('D7: many messages of a queue are one item, the newest', async () => {
      const device = await new NtfDevice(target).activate()
      const [one, two] = await target.newPair()
      await device.subscribed(one)
      await device.subscribed(two)
      await sendInTurn(device, [two, one, one, one])
      expect(newestList(device)).toEqual(keys([two, one]))
      for (const list of device.lists())
        expect(new Set(list.map(({ notifierId }) => toHex(notifierId))).size).toBe(list.length)
      const newest = (await one.receive()).at(-1)
      const last = device.lists().at(-1)?.at(-1)
      expect(last && one.metaOf(last)).toEqual(newest)
    })

    test('D7: a queue that was given up is in no push any more', async () => {
      const device = await new NtfDevice(target).activate()
      const [one, two] = await target.newPair()
      const subscription = await device.subscribed(one)
      await device.subscribed(two)
      await sendInTurn(device, [one, two])
      expect(newestList(device)).toEqual(keys([one, two]))
      expect(await device.words({ tag: 'SDEL' }, subscription)).toBe('OK')
      await sendInTurn(device, [two])
      expect(newestList(device)).toEqual(keys([two]))
    })

    test('D7: all queues of a burst are told of', async () => {
      const device = await new NtfDevice(target).activate()
      const queues = await target.newQueues(20)
      await Promise.all(queues.map((queue) => device.subscribed(queue)))
      await Promise.all(queues.map((queue) => queue.send()))
      for (const queue of queues) await device.untilTold(queue)
      for (const list of device.lists()) expect(list.length).toBeLessThanOrEqual(6)
    })
  })

  describe('D8', () => {
    test('D8: what comes for a token that is not active is dropped; then it is told of again', async () => {
      const { device, queue } = await woken()
      await device.replace(newToken())
      await device.code()
      await queue.send('dropped')
      await target.quiet()
      expect(device.lists()).toEqual([])
      expect(await device.verify()).toBe('OK')
      await target.quiet()
      expect(device.lists()).toEqual([])
      const dropped = (await queue.receive()).at(-1)
      await queue.send('told')
      await device.untilTold(queue)
      expect(device.told(queue).has(dropped?.id ?? '')).toBe(false)
    })

    test('D8: it is counted, and the device is to look for itself once it is verified', async (context) => {
      const { server } = target.embedded(context)
      const { device, queue } = await woken()
      await device.replace(newToken())
      await device.code()
      const { unknown } = server.metrics().received
      await queue.send()
      await until(() => server.metrics().received.unknown === unknown + 1)
      expect(device.checks).toBe(0)
      expect(await device.verify()).toBe('OK')
      await until(() => device.checks === 1)
    })
  })

  describe('D14: from instant to periodic to off', () => {
    test('D14: without notifiers nothing is pushed, with new ones it is, and with no token it is not', async () => {
      const { device, queue, subscription } = await woken()
      await queue.send()
      await device.untilTold(queue)
      // Periodic: the client deletes the notifier at the SMP server, and nothing here (23 §7).
      const pushes = device.pushes().length
      await queue.removeNotifier()
      await device.untilSubscription(subscription, 'SUB DELETED')
      await queue.send()
      await target.quiet()
      expect(device.pushes()).toHaveLength(pushes)
      // Instant.
      const again = await queue.renewNotifier()
      await device.subscribed(again)
      await again.send()
      await device.untilTold(again)
      // Off.
      expect(await device.words({ tag: 'TDEL' })).toBe('OK')
      const last = device.pushes().length
      await again.send()
      await target.quiet()
      expect(device.pushes()).toHaveLength(last)
      // And on.
      const anew = await new NtfDevice(target, { client: device }).activate()
      await anew.subscribed(again)
      await again.send()
      await anew.untilTold(again)
    })

    test('D14: nothing is pushed after SDEL was answered', async () => {
      const { device, queue, subscription } = await woken()
      expect(await device.words({ tag: 'SDEL' }, subscription)).toBe('OK')
      await queue.send()
      await target.quiet()
      expect(device.lists()).toEqual([])
      expect(await device.words({ tag: 'SDEL' }, subscription)).toBe('ERR AUTH')
      expect(await device.words({ tag: 'SCHK' }, subscription)).toBe('ERR AUTH')
    })

    test('D14: the SMP server is told nothing by SDEL (20 §7)', async (context) => {
      const smp = target.embeddedSmp(context)
      const { device, queue, subscription } = await woken()
      const of = () =>
        smp.log.filter(({ entityId, direction }) => direction === 'received' && toHex(entityId) === queue.key)
      const before = of().length
      expect(await device.words({ tag: 'SDEL' }, subscription)).toBe('OK')
      await target.quiet()
      expect(of()).toHaveLength(before)
    })
  })

  test('D15: a connection that is muted wakes nobody, the others do', async () => {
    const device = await new NtfDevice(target).activate()
    const [muted, loud] = await target.newPair()
    const subscription = await device.subscribed(muted)
    await device.subscribed(loud)
    await muted.removeNotifier()
    await device.untilSubscription(subscription, 'SUB DELETED')
    await muted.send()
    await loud.send()
    await device.untilTold(loud)
    await target.quiet()
    expect(device.told(muted).size).toBe(0)
    expect(newestList(device)).toEqual([loud.key])
  })

  test('D16: what a push tells of can be fetched by GET, unless the queue is subscribed', async () => {
    const { device, queue } = await woken()
    await queue.send()
    await device.untilTold(queue)
    const messages = await queue.receive()
    expect(messages.map(({ id }) => id)).toEqual([...device.told(queue)])
    const subscribed = await target.newQueue()
    await subscribed.subscribe()
    await expect(subscribed.receive()).rejects.toThrow(/PROHIBITED/)
  })
})
