// Spec 20 §6, §7, 21 A6, 24 §1 T6–T9: what is pushed by time, what providers say of devices, and which providers there are.
import { toHex } from '@smpkit/encoding'
import { type ApnsAnswer, devicePath } from '@smpkit/push-providers/testing'
import { describe, expect, test } from 'vitest'
import { JumpClock, pause, until } from './support/in-process.js'
import { NtfDevice, newToken } from './support/ntf-device.js'
import { atNtfServer, type OwnTarget } from './support/ntf-target.js'

const minute = 60_000
/** 410s tell since when; that the device has registered again since then is not what these tests are about. */
const later = Date.parse('2100-01-01')

/** Time enough to look for what is due several times. */
async function looked({ ntf }: OwnTarget): Promise<void> {
  await pause(100)
  await ntf.quiet()
}

/** Tokens that there are. */
async function rows({ ntf }: OwnTarget): Promise<number> {
  const { tokens } = await ntf.server.status()
  return Object.values(tokens).reduce((sum, count) => sum + count, 0)
}

atNtfServer((target) => {
  describe('T6: TCRN', () => {
    test('T6: takes 0, and from 20 minutes on; less is QUOTA', async () => {
      const device = await new NtfDevice(target).activate()
      const answers: string[] = []
      const given = [0, 1, 2, 19, 20, 21, 65535, 0]
      for (const minutes of given) answers.push(await device.words({ tag: 'TCRN', minutes }))
      expect(answers).toEqual(given.map((minutes) => (minutes > 0 && minutes < 20 ? 'ERR QUOTA' : 'OK')))
    })

    test('T6: there is a background push every interval, from the first one on, until it is off', async (context) => {
      const clock = new JumpClock()
      const own = await target.own(context, { clock, limits: { maintenanceEvery: 20 } })
      const device = await new NtfDevice(own).activate()
      expect(await device.words({ tag: 'TCRN', minutes: 20 })).toBe('OK')
      for (let checks = 1; checks <= 3; checks++) {
        clock.jump(19 * minute)
        await looked(own)
        expect(device.checks).toBe(checks - 1)
        clock.jump(2 * minute)
        await until(() => device.checks === checks)
        await own.ntf.quiet()
      }
      const push = device.pushes().at(-1)
      expect(JSON.parse(push?.body ?? '')).toEqual({
        aps: { 'content-available': 1 },
        notificationData: { checkMessages: true },
      })
      expect(push?.headers).toMatchObject({ 'apns-push-type': 'background', 'apns-priority': '5' })
      expect(await device.words({ tag: 'TCRN', minutes: 0 })).toBe('OK')
      clock.jump(90 * minute)
      await looked(own)
      expect(device.checks).toBe(3)
    })

    test('T6: an interval that was set before verification counts from then on', async (context) => {
      const clock = new JumpClock()
      const own = await target.own(context, { clock, limits: { maintenanceEvery: 20 } })
      const device = await new NtfDevice(own).register()
      expect(await device.words({ tag: 'TCRN', minutes: 20 })).toBe('OK')
      clock.jump(60 * minute)
      await looked(own)
      expect(device.checks).toBe(0)
      expect(await device.verify()).toBe('OK')
      clock.jump(22 * minute)
      await until(() => device.checks === 1)
    })
  })

  describe('T7: what the provider says of a device', () => {
    const answers: readonly [string, ApnsAnswer, string][] = [
      ['BAD', { status: 400, reason: 'BadDeviceToken' }, 'TKN INVALID,BAD'],
      ['TOPIC', { status: 400, reason: 'DeviceTokenNotForTopic' }, 'TKN INVALID,TOPIC'],
      ['EXPIRED', { status: 410, reason: 'ExpiredToken', timestamp: later }, 'TKN INVALID,EXPIRED'],
      ['UNREGISTERED', { status: 410, reason: 'Unregistered', timestamp: later }, 'TKN INVALID,UNREGISTERED'],
    ]

    test.for(answers)(
      'T7: %s makes it INVALID; without the reason below version 3 (P3)',
      async ([, answer, words], context) => {
        const ntf = target.embedded(context)
        const device = new NtfDevice(target)
        ntf.answer(device.token, answer)
        await device.register()
        await device.untilStatus(words)
        for (const options of [{ version: 2 }, { version: 1 }, { alpn: false }]) {
          const wire = await target.connect(options)
          expect(await device.use(wire).status()).toBe('TKN INVALID')
          const raw = Buffer.from(wire.blocks.at(-1) as Uint8Array).toString('latin1')
          expect(raw.endsWith('TKN INVALID')).toBe(true)
        }
        expect(await device.use(undefined).status()).toBe(words)
        // TNEW brings it back.
        ntf.answer(device.token, 'accepted')
        const id = toHex(device.tokenId)
        await device.register()
        expect(toHex(device.tokenId)).toBe(id)
        await device.untilStatus('TKN CONFIRMED')
        expect(await device.verify()).toBe('OK')
        expect(await device.status()).toBe('TKN ACTIVE')
      },
    )

    test.for(answers)(
      'T7: %s of a push of messages makes it INVALID, and TNEW and TVFY bring it back',
      async ([, answer, words], context) => {
        const ntf = target.embedded(context)
        const device = await new NtfDevice(target).activate()
        const queue = await target.newQueue()
        const subscription = await device.subscribed(queue)
        ntf.answer(device.token, answer)
        await queue.send()
        await device.untilStatus(words)
        expect(await device.subscription(subscription)).toBe('SUB ACTIVE')
        const pushes = device.pushes().length
        await queue.send()
        await target.quiet()
        expect(device.pushes()).toHaveLength(pushes)
        ntf.answer(device.token, 'accepted')
        await device.register()
        await device.code(2)
        expect(await device.verify()).toBe('OK')
        const told = device.told(queue).size
        await queue.send()
        await device.untilTold(queue, told + 1)
      },
    )

    test.for<ApnsAnswer>([
      { status: 400, reason: 'BadTopic' },
      { status: 403, reason: 'Forbidden' },
      { status: 404, reason: 'BadPath' },
      { status: 413, reason: 'PayloadTooLarge' },
    ])('T7: %j is no word about the device', async (answer, context) => {
      const ntf = target.embedded(context)
      const device = new NtfDevice(target)
      ntf.answer(device.token, answer)
      await device.register()
      await until(() => device.pushes().length > 0)
      await until(() => ntf.reports.length > 0)
      expect(await device.status()).toBe('TKN REGISTERED')
      ntf.answer(device.token, 'accepted')
      await device.register()
      expect(await device.verify()).toBe('OK')
    })
  })

  test('T8: a token is CONFIRMED when the provider has accepted the push of its code, and not before', async (context) => {
    const ntf = target.embedded(context)
    const device = new NtfDevice(target)
    let accept = () => {}
    ntf.answer(device.token, () => new Promise((resolve) => (accept = () => resolve('accepted'))))
    await device.register()
    await until(() => device.pushes().length === 1)
    expect(await device.status()).toBe('TKN REGISTERED')
    accept()
    await device.untilStatus('TKN CONFIRMED')
  })

  test('T8: without being told what to do, it becomes CONFIRMED', async () => {
    const device = await new NtfDevice(target).register()
    await device.untilStatus('TKN CONFIRMED')
  })

  describe('T9: AN', () => {
    test('T9: registers and deletes, and nothing is pushed', async (context) => {
      const device = await new NtfDevice(target, { provider: 'AN', token: 'test_ntf_token' }).register()
      expect(await device.status()).toMatch(/^TKN (REGISTERED|CONFIRMED)$/)
      const id = device.tokenId
      expect(await device.words({ tag: 'TDEL' })).toBe('OK')
      expect(await device.words({ tag: 'TCHK' }, id)).toBe('ERR AUTH')
      await target.quiet()
      const ntf = target.embedded(context)
      const seen = Object.values(ntf.fakes).flatMap(({ pushes }) =>
        pushes.filter(({ path }) => path === devicePath(device.token)),
      )
      expect(seen).toEqual([])
    })

    test.for([true, false])('T9: is there whatever else is (AT let in: %s)', async (testProvider, context) => {
      const own = await target.own(context, { testProvider, providers: testProvider ? ['apns_test'] : [] })
      const device = await new NtfDevice(own, { provider: 'AN' }).register()
      expect(await device.words({ tag: 'TDEL' })).toBe('OK')
    })
  })

  describe('providers', () => {
    test('T9: AT is CMD PROHIBITED where it is not let in, and leaves no row', async (context) => {
      const own = await target.own(context, { testProvider: false })
      const replaced = await new NtfDevice(own, { provider: 'AN' }).register()
      const before = await rows(own)
      const device = new NtfDevice(own, { provider: 'AT' })
      expect(await device.words(device.tnew)).toBe('ERR CMD PROHIBITED')
      const command = { tag: 'TRPL', provider: 'AT', token: Buffer.from(newToken()) } as const
      expect(await replaced.words(command)).toBe('ERR CMD PROHIBITED')
      expect(await rows(own)).toBe(before)
      await own.ntf.quiet()
      expect(own.ntf.fakes.apns_test.pushes).toEqual([])
    })

    test.for(['AP', 'AD'] as const)(
      'T9: %s is CMD PROHIBITED where the operator has it not',
      async (provider, context) => {
        const own = await target.own(context, { providers: ['apns_test'] })
        const device = new NtfDevice(own, { provider })
        expect(await device.words(device.tnew)).toBe('ERR CMD PROHIBITED')
      },
    )

    test.for([
      ['AP', 'apns_prod'],
      ['AD', 'apns_dev'],
      ['AT', 'apns_test'],
    ] as const)('T1: %s pushes through %s alone', async ([provider, name], context) => {
      const { fakes } = target.embedded(context)
      const device = await new NtfDevice(target, { provider }).activate()
      for (const [other, { pushes }] of Object.entries(fakes)) {
        expect(pushes.filter(({ token }) => token === device.token)).toHaveLength(other === name ? 1 : 0)
      }
    })

    test.for(['AP', 'AD'] as const)(
      'T9: %s with a token that is no hex of Apple is refused, and leaves no row',
      async (provider, context) => {
        const own = await target.own(context)
        const device = new NtfDevice(own, { provider })
        const replaced = await new NtfDevice(own, { provider: 'AN' }).register()
        const before = await rows(own)
        const hex = 'ab'.repeat(31)
        for (const token of ['', 'xyzw', hex, `${hex}a`, 'AB'.repeat(32), `${hex}/.`, `${hex}ab\n`, 'ab'.repeat(101)]) {
          device.token = token
          expect(await device.words(device.tnew)).toMatch(/^ERR /)
          expect(await replaced.words({ tag: 'TRPL', provider, token: Buffer.from(token) })).toMatch(/^ERR /)
        }
        expect(await rows(own)).toBe(before)
        // It is still the one that it was.
        expect(await replaced.status()).toBe('TKN CONFIRMED')
      },
    )

    test.for(['xyzw', 'qwer', 'a/../b?c#d', 'x'.repeat(255)])(
      'T9: AT takes %j, as tests of apps do',
      async (token, context) => {
        target.embedded(context)
        const device = await new NtfDevice(target, {
          token: token.length === 255 ? token : `${token}${newToken()}`,
        }).activate()
        expect(await device.status()).toBe('TKN ACTIVE')
      },
    )
  })
})
