// Spec 24 §2: the scenarios of the server level, S1 to S8, and M1 as far as a notification server sees it.
import { toHex } from '@smpkit/encoding'
import type { PushItem } from '@smpkit/push-providers/payload'
import { serverAddressToText } from '@smpkit/smp-commands/address'
import { describe, expect, test } from 'vitest'
import type { EmbeddedSmp } from './support/embedded-smp.js'
import { NtfDevice, newToken } from './support/ntf-device.js'
import { overNtfServers } from './support/ntf-target.js'
import { wordsOf, wordsOfAnswer } from './support/ntf-wire.js'
import type { NewQueueOptions, Queue } from './support/queues.js'

overNtfServers((target) => {
  describe('commands that are wrong', () => {
    test('S1: one that nobody knows is CMD UNKNOWN', async () => {
      const wire = await target.wire()
      expect(wordsOfAnswer(await wire.askRaw({ command: 'HELLO' }))).toBe('ERR CMD UNKNOWN')
    })

    test('S2: TNEW without parameters, signed, is CMD SYNTAX', async () => {
      const [wire, device] = [await target.wire(), new NtfDevice(target)]
      const key = device.authKey
      expect(wordsOfAnswer(await wire.askRaw({ command: 'TNEW', key }))).toBe('ERR CMD SYNTAX')
    })

    test('S3: TNEW with more than its parameters, signed, is CMD SYNTAX', async () => {
      const [wire, device] = [await target.wire(), new NtfDevice(target)]
      const corrId = new Uint8Array(24).fill(3)
      const good = wire.transmission({ command: device.tnew, key: device.authKey, corrId })
      // Behind the signature, the ids: the command.
      const command = new Uint8Array([...good.subarray(65 + 25 + 1), 0x20, 0x58])
      const key = device.authKey
      expect(wordsOfAnswer(await wire.askRaw({ command, key }))).toBe('ERR CMD SYNTAX')
      expect(wordsOfAnswer(await wire.askRaw({ command: command.subarray(0, -2), key }))).toBe('IDTKN')
    })

    test('S4: TNEW without a signature is CMD NO_AUTH', async () => {
      const [wire, device] = [await target.wire(), new NtfDevice(target)]
      expect(await wire.words({ command: device.tnew, key: null })).toBe('ERR CMD NO_AUTH')
    })

    test('S5: TNEW with a token id is CMD HAS_AUTH', async () => {
      const device = new NtfDevice(target)
      expect(await device.words(device.tnew, new Uint8Array(24).fill(5))).toBe('ERR CMD HAS_AUTH')
    })
  })

  /** The item is the queue's, and names its newest message as the recipient sees it. */
  async function expectNewest(item: PushItem | undefined, queue: Queue): Promise<void> {
    expect(item && serverAddressToText(item.server)).toBe(serverAddressToText(withoutPassword(queue.address)))
    expect(item && toHex(item.notifierId)).toBe(queue.key)
    const messages = await queue.receive()
    expect(item && queue.metaOf(item)).toEqual(messages.at(-1))
  }

  async function wholeScenario(options: NewQueueOptions): Promise<void> {
    const queue = await target.newQueue(options)
    const device = new NtfDevice(target)

    // Register, decrypt the code, register again.
    const first = await device.ask(device.tnew, none)
    if (first.tag !== 'IDTKN') throw new Error(`expected IDTKN, got ${wordsOf(first)}`)
    await device.register()
    expect(toHex(device.tokenId)).toBe(toHex(first.tokenId))
    expect(first.dhKey.toDer()).toEqual(((await device.ask(device.tnew, none)) as typeof first).dhKey.toDer())
    await device.code(2)
    const codes = device.codes()
    expect(new Set(codes.map(toHex)).size).toBe(1)
    expect(codes[0]).toHaveLength(32)
    const [verification] = device.pushes()
    expect(verification?.headers).toMatchObject({ 'apns-push-type': 'background', 'apns-priority': '5' })

    expect(await device.words({ tag: 'TVFY', code: codes[0] as Uint8Array })).toBe('OK')
    expect(await device.status()).toBe('TKN ACTIVE')
    const subscription = await device.subscribed(queue)
    expect(subscription).toHaveLength(24)

    // A message: one mutable-content push.
    await queue.send('hello')
    await device.untilTold(queue)
    expect(device.lists()).toHaveLength(1)
    await expectNewest(device.lists()[0]?.at(-1), queue)
    const message = device.pushes().at(-1)
    expect(JSON.parse(message?.body ?? '').aps).toMatchObject({ 'mutable-content': 1 })
    expect(message?.headers['apns-push-type']).toBe('alert')

    // Another device token: a background push to it, then the second message.
    const old = device.token
    const before = target.pushes.of(old).length
    expect(await device.replace(newToken())).toBe('OK')
    const code = await device.code()
    expect(code).not.toEqual(codes[0])
    expect(device.pushes().map(({ headers }) => headers['apns-push-type'])).toEqual(['background'])
    expect(await device.words({ tag: 'TVFY', code: codes[0] as Uint8Array })).toBe('ERR AUTH')
    expect(await device.verify()).toBe('OK')
    expect(await device.status()).toBe('TKN ACTIVE')
    await queue.send('hello again')
    await device.untilTold(queue)
    await expectNewest(device.lists().at(-1)?.at(-1), queue)
    expect(target.pushes.of(old)).toHaveLength(before)
  }

  async function awayScenario(smp: EmbeddedSmp, options: NewQueueOptions): Promise<void> {
    const queue = await target.newQueue(options)
    const device = await new NtfDevice(target).activate()
    const subscription = await device.subscribed(queue)
    const second = await target.newQueue(options)
    await smp.stop()
    const late = await device.subscribe(second)
    expect(await device.subscription(late)).toBe('SUB NEW')
    await smp.start()
    await device.untilSubscription(late, 'SUB ACTIVE')
    await device.untilSubscription(subscription, 'SUB ACTIVE')
    for (const one of [queue, second]) {
      await one.send()
      await device.untilTold(one)
      await expectNewest(device.lists().at(-1)?.at(-1), one)
    }
  }

  describe.each([
    ['S6', 'NKEY'],
    ['S7', 'NEW'],
  ] as const)('%s, with a notifier by %s', (id, notifierBy) => {
    test(`${id}: from a queue to pushes, and to another device token`, () => wholeScenario({ notifierBy }))

    test(`${id}, last part: a queue is subscribed while its SMP server is away`, (context) =>
      awayScenario(target.embeddedSmp(context), { notifierBy }))
  })

  test('S8: SNEW before and after verification, again, with another key, and for another token', async () => {
    const [queue, other] = await target.newPair()
    const device = await new NtfDevice(target).register()
    expect(await device.words(device.snew(queue), none)).toBe('ERR AUTH')
    expect(await device.verify()).toBe('OK')
    const id = await device.subscribe(queue)
    expect(await device.subscribe(queue)).toEqual(id)
    const { notifierKey } = other
    expect(await device.words(device.snew({ ...queue, notifierKey }), none)).toBe('ERR AUTH')
    const stranger = await new NtfDevice(target).activate()
    expect(await stranger.words(stranger.snew(queue), none)).toBe('ERR AUTH')
    expect(await device.subscribe(queue)).toEqual(id)
  })

  describe('M1', () => {
    test('M1: a notifier that is replaced is DELETED, the new one wakes', async () => {
      const device = await new NtfDevice(target).activate()
      const queue = await target.newQueue()
      const id = await device.subscribed(queue)
      await queue.send()
      await device.untilTold(queue)
      const renewed = await queue.renewNotifier()
      await device.untilSubscription(id, 'SUB DELETED')
      await device.subscribed(renewed)
      await renewed.send()
      await device.untilTold(renewed)
      expect(device.told(queue).size).toBe(1)
    })

    test('M1: a service is known again after two restarts of the SMP server', async (context) => {
      const smp = target.embeddedSmp(context)
      const device = await new NtfDevice(target).activate()
      const queues = await target.newQueues(3)
      for (const queue of queues) await device.subscribed(queue)
      for (let restart = 1; restart <= 2; restart++) {
        await smp.stop()
        await smp.start()
        for (const queue of queues) await queue.send()
        for (const queue of queues) await device.untilTold(queue, restart)
      }
    })
  })
})

const none = new Uint8Array(0)

const withoutPassword = ({ hosts, port, keyHash }: Queue['address']) => ({ hosts, port, keyHash })
