// Spec 24 §1 T12, D5, D6, 30 §6: the tests of a server that is killed: what was answered holds after SIGKILL, whenever it comes; what was not can be asked again.
import { toHex } from '@smpkit/encoding'
import { startSmpServer } from '@smpkit/smp-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { StorageMaker } from './databases.js'
import { until } from './in-process.js'
import { KilledNtf } from './killed-ntf.js'
import { NtfDevice, newToken } from './ntf-device.js'
import { openRecipient } from './queues.js'

const moments = ['before', 'after'] as const

/** Over any database. */
export function ntfKilledTests(newStorage: StorageMaker): void {
  async function start(): Promise<KilledNtf> {
    const ntf = await KilledNtf.start(await newStorage())
    onTestFinished(() => ntf[Symbol.asyncDispose]())
    return ntf
  }

  async function recipientOf() {
    const smp = await startSmpServer({ notificationTick: 10, endDelay: 10 })
    onTestFinished(() => smp[Symbol.asyncDispose]())
    const recipient = await openRecipient(smp.address)
    onTestFinished(() => recipient[Symbol.asyncDispose]())
    return recipient
  }

  test('T12, D5: after each answer', async () => {
    const recipient = await recipientOf()
    const ntf = await start()
    const device = await new NtfDevice(ntf).register()
    const id = toHex(device.tokenId)
    await ntf.killAndStart()
    const code = await device.code()
    expect(await device.words({ tag: 'TVFY', code })).toBe('OK')
    await ntf.killAndStart()
    expect(await device.status()).toBe('TKN ACTIVE')
    expect(await device.words({ tag: 'TVFY', code })).toBe('OK')
    await device.register()
    expect(toHex(device.tokenId)).toBe(id)

    const queue = await recipient.newQueue()
    const subscription = await device.subscribe(queue)
    await ntf.killAndStart()
    expect(await device.subscribe(queue)).toEqual(subscription)
    await device.untilSubscription(subscription, 'SUB ACTIVE')
    await queue.send()
    await device.untilTold(queue)

    expect(await device.replace(newToken())).toBe('OK')
    await ntf.killAndStart()
    expect(await device.status()).toMatch(/^TKN (REGISTERED|CONFIRMED)$/)
    expect(await device.verify()).toBe('OK')
    await queue.send()
    await until(() => device.told(queue).size > 0)

    expect(await device.words({ tag: 'SDEL' }, subscription)).toBe('OK')
    await ntf.killAndStart()
    expect(await device.subscription(subscription)).toBe('ERR AUTH')
    expect(await device.words({ tag: 'TDEL' })).toBe('OK')
    await ntf.killAndStart()
    expect(await device.status()).toBe('ERR AUTH')
  })

  describe.each(moments)('%s it is stored', (when) => {
    test('T12: TNEW, TVFY and TRPL are unanswered, and can be asked again', async () => {
      const ntf = await start()
      const device = new NtfDevice(ntf)
      const { authKey: key } = device
      expect(await ntf.killWhile(when, 'tokens', () => device.register())).toBe(false)
      await device.register()
      await device.untilStatus('TKN CONFIRMED')
      const code = await device.code()
      expect(new Set(device.codes().map(toHex)).size).toBe(1)

      const verify = { command: { tag: 'TVFY', code }, entityId: device.tokenId, key } as const
      expect(await ntf.killWhile(when, 'tokens', async () => (await ntf.wire()).ask(verify))).toBe(false)
      expect(await device.status()).toBe(when === 'after' ? 'TKN ACTIVE' : 'TKN CONFIRMED')
      expect(await device.verify()).toBe('OK')

      const token = newToken()
      expect(await ntf.killWhile(when, 'tokens', () => device.replace(token))).toBe(false)
      if (when === 'after') {
        // The push of the code is owed.
        device.token = token
        await device.code()
      } else {
        expect(await device.status()).toBe('TKN ACTIVE')
        expect(await device.replace(token)).toBe('OK')
      }
      await device.untilStatus('TKN CONFIRMED')
      expect(await device.verify()).toBe('OK')
    })

    test('D5: SNEW is unanswered, and can be asked again', async () => {
      const recipient = await recipientOf()
      const ntf = await start()
      const device = await new NtfDevice(ntf).activate()
      const queue = await recipient.newQueue()
      expect(await ntf.killWhile(when, 'subscriptions', () => device.subscribe(queue))).toBe(false)
      const subscription = await device.subscribed(queue)
      expect(await device.subscribe(queue)).toEqual(subscription)
      await queue.send()
      await device.untilTold(queue)
    })

    test('D6: a notification that has come is told of, or the device is to look', async () => {
      const recipient = await recipientOf()
      const ntf = await start()
      const device = await new NtfDevice(ntf).activate()
      const queue = await recipient.newQueue()
      await device.subscribed(queue)
      await ntf.killWhile(when, 'notifications', () => queue.send())
      if (when === 'after') await device.untilTold(queue)
      else await until(() => device.checks > 0)
      await queue.send()
      await until(async () => device.told(queue).size > (when === 'after' ? 1 : 0))
    })
  })

  test('D6: a push that was not answered is pushed again', async () => {
    const recipient = await recipientOf()
    const ntf = await start()
    const device = await new NtfDevice(ntf).activate()
    const [first, second] = [await recipient.newQueue(), await recipient.newQueue()]
    await device.subscribed(first)
    await device.subscribed(second)
    ntf.fake.answer('hang')
    await first.send()
    await until(() => device.lists().length === 1)
    await ntf.kill()
    ntf.fake.answer('accepted')
    await second.send()
    await ntf.start()
    await until(() => device.lists().length > 1)
    await device.untilTold(second)
    // The newest is the last one.
    const last = device.lists().at(-1) ?? []
    expect(last.map(({ notifierId }) => toHex(notifierId))).toEqual([first.key, second.key])
  })

  test('D6: a push that was accepted, but not noted, is pushed again', async () => {
    const recipient = await recipientOf()
    const ntf = await start()
    const device = await new NtfDevice(ntf).activate()
    const queue = await recipient.newQueue()
    await device.subscribed(queue)
    let answer = () => {}
    ntf.fake.answer(() => new Promise((resolve) => (answer = () => resolve('accepted'))))
    await queue.send()
    await until(() => device.lists().length === 1)
    await ntf.killWhile('before', 'notifications', async () => answer())
    ntf.fake.answer('accepted')
    await until(() => device.lists().length >= 2)
    expect(device.told(queue).size).toBe(1)
  })

  test('D5: what was answered while it was killed again and again is there', async () => {
    const recipient = await recipientOf()
    const ntf = await start()
    const device = await new NtfDevice(ntf).activate()
    const queues = await Promise.all(Array.from({ length: 60 }, () => recipient.newQueue()))
    const ids = new Map<string, string>()
    let different = false
    for (let kills = 0; kills < 3; kills++) {
      const subscribing = Promise.allSettled(
        queues.map(async (queue) => {
          const id = toHex(await device.subscribe(queue))
          different ||= (ids.get(queue.key) ?? id) !== id
          ids.set(queue.key, id)
        }),
      )
      await until(() => ids.size >= 15 * (kills + 1))
      await ntf.kill()
      await subscribing
      await ntf.start()
    }
    expect(different).toBe(false)
    for (const queue of queues) {
      const id = toHex(await device.subscribe(queue))
      expect(ids.get(queue.key) ?? id).toBe(id)
    }
    await Promise.all(queues.map((queue) => queue.send()))
    for (const queue of queues) await device.untilTold(queue)
  })
}
