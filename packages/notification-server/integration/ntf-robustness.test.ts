// Spec 24 §1 R1–R3, R5, R7: far ends that fail, and answers that are lost.
import { createServer, type Socket } from 'node:net'
import { randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import type { ApnsAnswer } from '@smpkit/push-providers/testing'
import { parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pause, until } from './support/in-process.js'
import { NtfDevice } from './support/ntf-device.js'
import { type OwnTarget, overNtfServers } from './support/ntf-target.js'
import { NtfWire } from './support/ntf-wire.js'

overNtfServers((target) => {
  async function woken(at: OwnTarget | typeof target = target) {
    const device = await new NtfDevice(at).activate()
    const queue = await target.newQueue()
    return { device, queue, subscription: await device.subscribed(queue) }
  }

  describe('R1: a push that fails is tried again until it is accepted', () => {
    const failures: readonly [string, ApnsAnswer][] = [
      ['503', { status: 503, reason: 'ServiceUnavailable' }],
      ['500', { status: 500, reason: 'InternalServerError' }],
      ['429', { status: 429, reason: 'TooManyRequests' }],
      ['a stream that is reset', 'reset'],
      ['a stream that is refused', 'refuse-stream'],
      ['a connection that breaks', 'drop'],
      ['half of an answer', 'half'],
      ['410 of a time before the registration', { status: 410, reason: 'Unregistered', timestamp: 1 }],
    ]

    test.for(failures)('R1: %s', async ([, failure], context) => {
      const ntf = target.embedded(context)
      const { device, queue, subscription } = await woken()
      let attempts = 0
      ntf.answer(device.token, () => (++attempts <= 3 ? failure : 'accepted'))
      await queue.send()
      await until(() => attempts === 4)
      await ntf.quiet()
      expect(device.told(queue).size).toBe(1)
      expect([attempts, await device.status()]).toEqual([4, 'TKN ACTIVE'])
      expect(await device.subscription(subscription)).toBe('SUB ACTIVE')
    })

    test('R1: what is owed is owed after a restart, too', async (context) => {
      const own = await target.own(context)
      const { device, queue } = await woken(own)
      own.ntf.answer(device.token, { status: 503, reason: 'ServiceUnavailable' })
      const replacing = await new NtfDevice(own).register()
      await queue.send()
      await until(() => device.lists().length > 1)
      await own.ntf.stop()
      own.ntf.answer(device.token, 'accepted')
      const before = device.lists().length
      await own.ntf.start()
      await until(() => device.lists().length > before)
      await own.ntf.quiet()
      expect(device.told(queue).size).toBe(1)
      expect(await replacing.verify()).toBe('OK')
    })
  })

  describe('R2', () => {
    test('R2: an outage of the provider, however long, delays pushes and loses none', async (context) => {
      const own = await target.own(context)
      const { device, queue } = await woken(own)
      const fake = own.ntf.fakes.apns_test
      await fake.refuse()
      const late = await new NtfDevice(own).register()
      await queue.send()
      const failed = own.ntf.reports.length
      // More often than the reference tries.
      await until(() => own.ntf.reports.length >= failed + 6)
      await fake.resume()
      await device.untilTold(queue)
      expect(await late.verify()).toBe('OK')
    })

    test('R2: an SMP server that does not answer holds up nothing', async () => {
      const sockets = new Set<Socket>()
      const silent = createServer((socket) => {
        sockets.add(socket)
        socket.on('error', () => {})
      })
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => {
        for (const socket of sockets) socket.destroy()
        silent.close()
      })
      const { port } = silent.address() as { port: number }
      const device = await new NtfDevice(target).activate()
      // Nobody is to look for that server afterwards.
      onTestFinished(async () => void (await device.words({ tag: 'TDEL' })))
      const stuck = await target.newQueue()
      const address = { ...stuck.address, port: String(port), keyHash: randomBytes(32) }
      const subscription = await device.subscribe({ ...stuck, address })
      const queue = await target.newQueue()
      await device.subscribed(queue)
      await queue.send()
      await device.untilTold(queue)
      expect(await device.subscription(subscription)).toBe('SUB NEW')
    })

    test('R2: one device whose pushes hang holds up no other', async (context) => {
      const ntf = target.embedded(context)
      const [stuck, free] = [await woken(), await woken()]
      ntf.answer(stuck.device.token, 'hang')
      await stuck.queue.send()
      await until(() => stuck.device.lists().length > 0)
      for (let i = 1; i <= 5; i++) {
        await free.queue.send()
        await free.device.untilTold(free.queue, i)
      }
    })
  })

  test('R3: a flood of messages to slow devices is told of, the newest of each queue', async (context) => {
    const ntf = target.embedded(context)
    const devices = await Promise.all(Array.from({ length: 4 }, () => new NtfDevice(target).activate()))
    const queues = await target.newQueues(20)
    const deviceOf = (at: number) => devices[at % devices.length] as NtfDevice
    await Promise.all(queues.map((queue, i) => deviceOf(i).subscribed(queue)))
    for (const { token } of devices) {
      ntf.answer(token, async () => {
        await new Promise((resolve) => setTimeout(resolve, 10))
        return Math.random() < 0.1 ? { status: 503, reason: 'ServiceUnavailable' } : 'accepted'
      })
    }
    for (let i = 0; i < 10; i++) await Promise.all(queues.map((queue) => queue.send()))
    await target.quiet()
    const unnamed: string[] = []
    for (const [i, queue] of queues.entries()) {
      const newest = (await queue.drain()).at(-1) ?? ''
      if (!deviceOf(i).told(queue).has(newest)) unnamed.push(queue.key)
    }
    expect(unnamed).toEqual([])
  })

  describe('R5: an answer that is lost is given again', () => {
    /** Sent, and never read. */
    async function lost(send: (wire: NtfWire) => Promise<void>): Promise<void> {
      const wire = await NtfWire.open(target.address)
      await send(wire)
      // The reference may answer nothing where the same comes again before it is done (20 §12, 3 and 9).
      if (process.env.NTF_SERVER) await pause(500)
      await wire.close()
    }

    test('R5: of TNEW', async () => {
      const device = new NtfDevice(target)
      await lost((wire) => wire.sendTransmissions([wire.transmission({ command: device.tnew, key: device.authKey })]))
      await device.register()
      expect(await device.verify()).toBe('OK')
      await target.quiet()
      expect(new Set(device.codes().map(toHex)).size).toBe(1)
    })

    test('R5: of TVFY', async () => {
      const device = await new NtfDevice(target).register()
      const code = await device.code()
      const asked = { command: { tag: 'TVFY', code }, key: device.authKey, entityId: device.tokenId } as const
      await lost((wire) => wire.sendTransmissions([wire.transmission(asked)]))
      expect(await device.words({ tag: 'TVFY', code })).toBe('OK')
      expect(await device.status()).toBe('TKN ACTIVE')
    })

    test('R5: of SNEW', async () => {
      const device = await new NtfDevice(target).activate()
      const queue = await target.newQueue()
      await lost((wire) =>
        wire.sendTransmissions([wire.transmission({ command: device.snew(queue), key: device.authKey })]),
      )
      const subscription = await device.subscribe(queue)
      expect(await device.subscribe(queue)).toEqual(subscription)
    })
  })

  test('R7: subscriptions that lead nowhere keep none from waking', async () => {
    const device = await new NtfDevice(target).activate()
    // Nobody is to look for those servers afterwards.
    onTestFinished(async () => void (await device.words({ tag: 'TDEL' })))
    const queue = await target.newQueue()
    const nowhere: ServerAddress[] = ['no.such.host.invalid', '127.0.0.1:1', '127.0.0.1:99', 'localhost:2'].map((at) =>
      parseServerAddress(`smp://${Buffer.from(randomBytes(32)).toString('base64url')}=@${at}`, 'smp'),
    )
    const subscriptions = await Promise.all(
      nowhere.map((address) => device.subscribe({ ...queue, address, notifierId: randomBytes(24) })),
    )
    await device.subscribed(queue)
    await queue.send()
    await device.untilTold(queue)
    for (const id of subscriptions) expect(await device.subscription(id)).toMatch(/^SUB (NEW|ERR .*)$/)
  })
})
