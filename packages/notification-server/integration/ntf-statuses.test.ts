// Spec 20 §7: what may be done with a token of each status, cell by cell.
import { toHex } from '@smpkit/encoding'
import { describe, expect, type TestContext, test } from 'vitest'
import { JumpClock, pause, until } from './support/in-process.js'
import { NtfDevice, newToken } from './support/ntf-device.js'
import { atNtfServer, type OwnTarget } from './support/ntf-target.js'
import type { Queue } from './support/queues.js'

const hour = 3_600_000
const none = new Uint8Array(0)

interface Status {
  /** As TCHK tells it. */
  readonly words: string
  /** What TVFY with the right code is answered, and SNEW, SCHK and SDEL. */
  readonly verify: 'OK' | 'ERR AUTH'
  readonly subscriptions: 'ok' | 'ERR AUTH'
  readonly isPushed: boolean
  /** After TNEW. */
  readonly registered: string
}

const statuses: readonly Status[] = [
  { words: 'TKN REGISTERED', verify: 'OK', subscriptions: 'ERR AUTH', isPushed: false, registered: 'TKN CONFIRMED' },
  { words: 'TKN CONFIRMED', verify: 'OK', subscriptions: 'ERR AUTH', isPushed: false, registered: 'TKN CONFIRMED' },
  { words: 'TKN ACTIVE', verify: 'OK', subscriptions: 'ok', isPushed: true, registered: 'TKN ACTIVE' },
  { words: 'TKN INVALID,BAD', verify: 'ERR AUTH', subscriptions: 'ok', isPushed: false, registered: 'TKN CONFIRMED' },
  { words: 'TKN EXPIRED', verify: 'ERR AUTH', subscriptions: 'ok', isPushed: false, registered: 'TKN CONFIRMED' },
]

atNtfServer((target) => {
  interface Subject {
    readonly own: OwnTarget
    readonly device: NtfDevice
    readonly queue: Queue
    readonly subscription: Uint8Array
    /** How many codes came to its present device token. */
    readonly codes: number
  }

  /** A token of that status with a subscription, at a server of its own. */
  async function subject(context: TestContext, { words }: Status): Promise<Subject> {
    const clock = new JumpClock()
    const limits = { verifiedExpiry: hour, expiredDeletion: 10 * hour, maintenanceEvery: 20 }
    const own = await target.own(context, { clock, limits })
    const device = await new NtfDevice(own).activate()
    const queue = await target.newQueue()
    const subscription = await device.subscribed(queue)
    if (words === 'TKN REGISTERED' || words === 'TKN CONFIRMED') {
      const token = newToken()
      // A word about the push, not about the device: it is given up.
      if (words === 'TKN REGISTERED') own.ntf.answer(token, { status: 400, reason: 'BadTopic' })
      expect(await device.replace(token)).toBe('OK')
      await until(() => device.codes().length === 1)
      await own.ntf.quiet()
      own.ntf.answer(token, 'accepted')
    }
    if (words === 'TKN INVALID,BAD') {
      own.ntf.answer(device.token, { status: 400, reason: 'BadDeviceToken' })
      await queue.send()
      await device.untilStatus(words)
      own.ntf.answer(device.token, 'accepted')
    }
    if (words === 'TKN EXPIRED') {
      clock.jump(2 * hour)
      await device.untilStatus(words)
    }
    expect(await device.status()).toBe(words)
    return { own, device, queue, subscription, codes: device.codes().length }
  }

  describe.each(statuses)('$words', (status) => {
    test(`TVFY is ${status.verify} with the code that was pushed, and ERR AUTH with another`, async (context) => {
      const { device } = await subject(context, status)
      const wrong = (await device.code()).map((byte) => byte ^ 1)
      expect(await device.words({ tag: 'TVFY', code: wrong })).toBe('ERR AUTH')
      expect(await device.status()).toBe(status.words)
      expect(await device.verify()).toBe(status.verify)
      expect(await device.status()).toBe(status.verify === 'OK' ? 'TKN ACTIVE' : status.words)
    })

    test('TCHK and TCRN are answered, and change nothing of it', async (context) => {
      const { device } = await subject(context, status)
      expect(await device.words({ tag: 'TCRN', minutes: 20 })).toBe('OK')
      expect(await device.words({ tag: 'TCRN', minutes: 19 })).toBe('ERR QUOTA')
      expect(await device.words({ tag: 'TCRN', minutes: 0 })).toBe('OK')
      expect(await device.status()).toBe(status.words)
    })

    test('TRPL is OK, and the new device token is to be verified', async (context) => {
      const { device, queue, subscription } = await subject(context, status)
      const token = newToken()
      expect(await device.replace(token)).toBe('OK')
      await device.untilStatus('TKN CONFIRMED')
      expect(await device.verify()).toBe('OK')
      expect(await device.subscription(subscription)).toBe('SUB ACTIVE')
      await queue.send()
      await until(() => device.told(queue).size > 0)
    })

    test('TDEL is OK', async (context) => {
      const { device, subscription } = await subject(context, status)
      expect(await device.words({ tag: 'TDEL' })).toBe('OK')
      expect(await device.status()).toBe('ERR AUTH')
      expect(await device.subscription(subscription)).toBe('ERR AUTH')
    })

    test(`TNEW again pushes the code, and leads to ${status.registered}`, async (context) => {
      const { device, codes } = await subject(context, status)
      const [id, code] = [toHex(device.tokenId), await device.code()]
      await device.register()
      await until(() => device.codes().length === codes + 1)
      expect(device.codes().at(-1)).toEqual(code)
      expect(toHex(device.tokenId)).toBe(id)
      await device.untilStatus(status.registered)
      expect(await device.verify()).toBe('OK')
      expect(await device.status()).toBe('TKN ACTIVE')
    })

    test(`SNEW, SCHK and SDEL: ${status.subscriptions}`, async (context) => {
      const { device, subscription } = await subject(context, status)
      const isAllowed = status.subscriptions === 'ok'
      const snew = device.snew(await target.newQueue())
      expect(await device.words(snew, none)).toBe(isAllowed ? 'IDSUB' : 'ERR AUTH')
      expect(await device.subscription(subscription)).toBe(isAllowed ? 'SUB ACTIVE' : 'ERR AUTH')
      expect(await device.words({ tag: 'SDEL' }, subscription)).toBe(isAllowed ? 'OK' : 'ERR AUTH')
    })

    test(`a message is ${status.isPushed ? '' : 'not '}pushed`, async (context) => {
      const { own, device, queue } = await subject(context, status)
      const before = device.lists().length
      await queue.send()
      if (status.isPushed) await until(() => device.lists().length === before + 1)
      await own.quiet()
      await pause(50)
      expect(device.lists()).toHaveLength(before + (status.isPushed ? 1 : 0))
    })
  })
})
