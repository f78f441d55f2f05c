// Spec 20 §9, §12, 22 §5, §6, 24 §1 D2–D4, D10–D12: subscriptions, and what becomes of them.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { openSession, subscribeNotifications } from '@smpkit/smp-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { until } from './support/in-process.js'
import { NtfDevice, withHosts } from './support/ntf-device.js'
import { overNtfServers } from './support/ntf-target.js'
import type { Queue } from './support/queues.js'

const none = new Uint8Array(0)

overNtfServers((target) => {
  /** A device with a subscribed queue. */
  async function woken() {
    const device = await new NtfDevice(target).activate()
    const queue = await target.newQueue()
    return { device, queue, subscription: await device.subscribed(queue) }
  }

  async function takeOver(queue: Queue): Promise<void> {
    const session = await openSession(queue.address)
    onTestFinished(() => session.close())
    await subscribeNotifications(session, queue)
  }

  describe('D2', () => {
    test('D2: SNEW again is the same id; with another key, or of another token, AUTH', async () => {
      const { device, queue, subscription } = await woken()
      expect(await device.subscribe(queue)).toEqual(subscription)
      const other = { ...queue, notifierKey: PrivateKey.generate('ed25519') }
      expect(await device.words(device.snew(other), none)).toBe('ERR AUTH')
      const stranger = await new NtfDevice(target).activate()
      expect(await stranger.words(stranger.snew(queue), none)).toBe('ERR AUTH')
      expect(await device.subscription(subscription)).toBe('SUB ACTIVE')
    })

    test('D2: of another token of the same client AUTH, too (20 §12, 8)', async () => {
      const { device, queue, subscription } = await woken()
      const other = await new NtfDevice(target, { client: device }).activate()
      expect(await other.words(other.snew(queue), none)).toBe('ERR AUTH')
      expect(await device.subscribe(queue)).toEqual(subscription)
      await queue.send()
      await device.untilTold(queue)
      expect(other.lists()).toEqual([])
    })

    test('D2: the server of a queue is its key: hosts in another order are the same subscription (20 §12, 11)', async (context) => {
      target.embedded(context)
      const { device, queue, subscription } = await woken()
      for (const hosts of [['localhost'], ['127.0.0.1', 'localhost'], ['localhost', '127.0.0.1']]) {
        expect(await device.subscribe({ ...queue, address: withHosts(queue.address, hosts) })).toEqual(subscription)
      }
      const stranger = await new NtfDevice(target).activate()
      const spelled = { ...queue, address: withHosts(queue.address, ['localhost']) }
      expect(await stranger.words(stranger.snew(spelled), none)).toBe('ERR AUTH')
    })

    test('D2: a queue that was given up is free for others', async () => {
      const { device, queue, subscription } = await woken()
      expect(await device.words({ tag: 'SDEL' }, subscription)).toBe('OK')
      const other = await new NtfDevice(target).activate()
      await other.subscribed(queue)
      await queue.send()
      await other.untilTold(queue)
      expect(device.lists()).toEqual([])
    })
  })

  test('D3: a queue whose SMP server is away is NEW, and is subscribed when it returns', async (context) => {
    const smp = target.embeddedSmp(context)
    const device = await new NtfDevice(target).activate()
    const queue = await target.newQueue()
    await queue.send('waits')
    await smp.stop()
    const subscription = await device.subscribe(queue)
    expect(await device.subscription(subscription)).toBe('SUB NEW')
    await smp.start()
    await device.untilSubscription(subscription, 'SUB ACTIVE')
    // What waited at the SMP server is told of, too.
    await queue.send('new')
    await device.untilTold(queue, 1)
    await until(() => device.told(queue).size === 2)
  })

  test('D4: queues are INACTIVE while their SMP server is away, and resumed when it returns', async (context) => {
    const smp = target.embeddedSmp(context)
    const device = await new NtfDevice(target).activate()
    const queues = await target.newQueues(20)
    const subscriptions = await Promise.all(queues.map((queue) => device.subscribed(queue)))
    await smp.stop()
    // Those of a service stay ACTIVE at the reference (22 §5).
    const words = process.env.NTF_SERVER ? /^SUB (INACTIVE|ACTIVE)$/ : /^SUB INACTIVE$/
    for (const one of subscriptions) await until(async () => words.test(await device.subscription(one)))
    await smp.start()
    for (const queue of queues) await queue.send()
    for (const queue of queues) await device.untilTold(queue)
    for (const subscription of subscriptions) expect(await device.subscription(subscription)).toBe('SUB ACTIVE')
  })

  describe('D10', () => {
    test('D10: sessions that are lost end no subscription', async (context) => {
      const smp = target.embeddedSmp(context)
      const { device, queue, subscription } = await woken()
      for (let lost = 1; lost <= 4; lost++) {
        await smp.server.dropConnections()
        await queue.send()
        await device.untilTold(queue, lost)
        expect(await device.subscription(subscription)).toBe('SUB ACTIVE')
      }
    })

    test('D10: END: another one has subscribed', async () => {
      const { device, queue, subscription } = await woken()
      await takeOver(queue)
      await device.untilSubscription(subscription, 'SUB END')
    })

    test.each<[string, (queue: Queue) => Promise<unknown>]>([
      ['the queue is deleted', (queue) => queue.remove()],
      ['its notifier is deleted', (queue) => queue.removeNotifier()],
      ['its notifier is replaced', (queue) => queue.renewNotifier()],
    ])('D10: DELETED: %s', async (_, change) => {
      const { device, queue, subscription } = await woken()
      await change(queue)
      await device.untilSubscription(subscription, 'SUB DELETED')
      // It stays, and is told again (22 §5).
      expect(await device.subscription(subscription)).toBe('SUB DELETED')
      expect(await device.words({ tag: 'SDEL' }, subscription)).toBe('OK')
    })
  })

  describe('D11: SCHK tells what has become of a subscription, and a client makes it anew', () => {
    test('D11: AUTH: the SMP server does not know the notifier', async () => {
      const device = await new NtfDevice(target).activate()
      const queue = await target.newQueue()
      const [wrongKey, wrongId] = [
        { ...queue, notifierKey: PrivateKey.generate('ed25519') },
        { ...(await target.newQueue()), notifierId: randomBytes(24) },
      ]
      for (const wrong of [wrongKey, wrongId]) await device.untilSubscription(await device.subscribe(wrong), 'SUB AUTH')
    })

    test('D11: AUTH: the SMP server has lost its queues', async (context) => {
      const smp = target.embeddedSmp(context)
      const { device, queue, subscription } = await woken()
      // As far as the notification server can see: the notifier is not there any more when it comes back.
      await queue.remove()
      await smp.stop()
      await smp.start()
      await until(async () => /^SUB (AUTH|DELETED)$/.test(await device.subscription(subscription)))
    })

    test.each<[string, (queue: Queue) => Promise<unknown>]>([
      ['SUB END', takeOver],
      ['SUB DELETED', (queue) => queue.removeNotifier()],
    ])('D11: after %s a new notifier of the queue wakes', async (words, change) => {
      const { device, queue, subscription } = await woken()
      await change(queue)
      await device.untilSubscription(subscription, words)
      const renewed = await queue.renewNotifier()
      const anew = await device.subscribed(renewed)
      expect(anew).not.toEqual(subscription)
      await renewed.send()
      await device.untilTold(renewed)
    })
  })

  test('D12: a queue that moves wakes from its new place, and not from the old one', async () => {
    const { device, queue, subscription } = await woken()
    const next = await target.newQueue()
    await device.subscribed(next)
    await queue.remove()
    await device.untilSubscription(subscription, 'SUB DELETED')
    await next.send()
    await device.untilTold(next)
    expect(device.told(queue).size).toBe(0)
  })

  test('S8: ids that are not there are AUTH (20 §12, 10)', async () => {
    const { device, subscription } = await woken()
    expect(await device.words({ tag: 'SDEL' }, randomBytes(24))).toBe('ERR AUTH')
    const stranger = await new NtfDevice(target).activate()
    expect(await stranger.words({ tag: 'SDEL' }, subscription)).toBe('ERR AUTH')
    expect(await stranger.words({ tag: 'SCHK' }, subscription)).toBe('ERR AUTH')
    expect(await device.words({ tag: 'SDEL' }, subscription)).toBe('OK')
    expect(await device.words({ tag: 'SDEL' }, subscription)).toBe('ERR AUTH')
  })
})
