// Spec 24 §1 R1–R7, R13, D5, D6, D9, D13: far ends that fail, and servers that go and come.
import { createServer, type Socket } from 'node:net'
import { randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import type { ApnsAnswer } from '@smpkit/push-providers/testing'
import { parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest'
import { EmbeddedSmp } from './support/embedded-smp.js'
import { pause, until } from './support/in-process.js'
import { NtfDevice, newToken } from './support/ntf-device.js'
import { type OwnTarget, overNtfServers } from './support/ntf-target.js'
import { NtfWire } from './support/ntf-wire.js'
import { openRecipient, type Queue } from './support/queues.js'

const none = new Uint8Array(0)

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
    const queues = await target.newQueues(40)
    const deviceOf = (at: number) => devices[at % devices.length] as NtfDevice
    await Promise.all(queues.map((queue, i) => deviceOf(i).subscribed(queue)))
    for (const { token } of devices) {
      ntf.answer(token, async () => {
        await new Promise((resolve) => setTimeout(resolve, 10))
        return Math.random() < 0.1 ? { status: 503, reason: 'ServiceUnavailable' } : 'accepted'
      })
    }
    for (let i = 0; i < 25; i++) await Promise.all(queues.map((queue) => queue.send()))
    await target.quiet()
    const unnamed: string[] = []
    for (const [i, queue] of queues.entries()) {
      const newest = (await queue.drain()).at(-1) ?? ''
      if (!deviceOf(i).told(queue).has(newest)) unnamed.push(queue.key)
    }
    expect(unnamed).toEqual([])
  })

  test('R4: a server that has lost its database answers AUTH, and registers anew', async (context) => {
    const own = await target.own(context)
    const { device, subscription, queue } = await woken(own)
    const code = await device.code()
    const lost = device.tokenId
    // The same server to its clients, with nothing in it.
    const empty = await target.own(context)
    await empty.ntf.stop()
    await own.ntf.restart({ storage: empty.ntf.storage })
    expect(await device.words({ tag: 'TVFY', code })).toBe('ERR AUTH')
    expect(await device.words({ tag: 'TCHK' })).toBe('ERR AUTH')
    expect(await device.subscription(subscription)).toBe('ERR AUTH')
    const anew = await new NtfDevice(own, { client: device }).activate()
    expect(anew.tokenId).not.toEqual(lost)
    await anew.subscribed(queue)
    await queue.send()
    await anew.untilTold(queue)
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

  test('R6: a token is deleted when its server is there again', async (context) => {
    const own = await target.own(context)
    const { device, queue } = await woken(own)
    await own.ntf.stop()
    await expect(NtfWire.open(own.address)).rejects.toThrow()
    await own.ntf.start()
    expect(await device.words({ tag: 'TDEL' })).toBe('OK')
    expect(await device.words({ tag: 'TDEL' })).toBe('ERR AUTH')
    const lists = device.lists().length
    await queue.send()
    await own.quiet()
    expect(device.lists()).toHaveLength(lists)
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

  describe('R13', () => {
    test('R13: what was answered before a stop holds after it, and nothing is half done', async (context) => {
      const own = await target.own(context)
      const device = await new NtfDevice(own, { wire: await NtfWire.open(own.address) }).activate()
      const queues = await target.newQueues(60)
      const { authKey: key } = device
      const wire = await device.wire()
      const answers = Promise.allSettled(queues.map((queue) => wire.ask({ command: device.snew(queue), key })))
      await until(() => wire.answers.length > 5)
      await own.ntf.restart()
      await wire.ended()
      device.use(undefined)
      expect(await device.status()).toBe('TKN ACTIVE')
      for (const [i, settled] of (await answers).entries()) {
        if (settled.status === 'rejected' || settled.value.tag !== 'IDSUB') continue
        expect(await device.subscribe(queues[i] as Queue)).toEqual(settled.value.subscriptionId)
      }
      for (const queue of queues) await device.subscribed(queue)
    })

    test('R13: connections that do nothing hold a stop up by no time of theirs', async (context) => {
      const own = await target.own(context)
      await Promise.all(Array.from({ length: 20 }, () => own.connect()))
      await own.ntf.restart()
      await new NtfDevice(own).activate()
    })
  })

  test('D5: subscriptions and tokens are there after a restart (T12)', async (context) => {
    const own = await target.own(context)
    const { device, queue, subscription } = await woken(own)
    const registered = await new NtfDevice(own).register()
    const code = await registered.code()
    await own.ntf.restart()
    expect(await device.status()).toBe('TKN ACTIVE')
    await device.untilSubscription(subscription, 'SUB ACTIVE')
    await queue.send()
    await device.untilTold(queue)
    expect(await registered.words({ tag: 'TVFY', code })).toBe('OK')
    expect(await device.subscribe(queue)).toEqual(subscription)
  })

  test('D6: what the SMP server kept meanwhile is told of after the start', async (context) => {
    const own = await target.own(context)
    const { device, queue } = await woken(own)
    await own.ntf.stop()
    for (let i = 0; i < 3; i++) await queue.send()
    await own.ntf.start()
    const newest = (await queue.drain()).at(-1) ?? ''
    await until(() => device.told(queue).has(newest))
  })

  test('D9: from single subscriptions to those of a service and back, with new queues each time', async (context) => {
    const smp = await EmbeddedSmp.start()
    onTestFinished(() => smp.close())
    const recipient = await openRecipient(smp.server.address)
    onTestFinished(() => recipient[Symbol.asyncDispose]())
    const own = await target.own(context, { server: { serviceCertificates: false } })
    const device = await new NtfDevice(own).activate()
    const queues: Queue[] = []
    const sent = new Map<Queue, number>()

    async function subscribe(): Promise<void> {
      const queue = await recipient.newQueue()
      await device.subscribed(queue)
      queues.push(queue)
      sent.set(queue, 0)
    }

    async function sendToAll(): Promise<void> {
      for (const queue of queues) {
        const count = (sent.get(queue) ?? 0) + 1
        sent.set(queue, count)
        await queue.send()
        await device.untilTold(queue, count)
      }
    }

    /** Both start anew; what our server asked the SMP server for before the new queue. */
    async function session(serviceCertificates: boolean, areServicesKnown: boolean): Promise<string[]> {
      await own.ntf.stop()
      await smp.stop()
      const from = smp.log.length
      await smp.start({ versionRange: { min: 14, max: areServicesKnown ? 20 : 15 } })
      await own.ntf.start({ server: { serviceCertificates } })
      await sendToAll()
      const asked = smp.log.slice(from).flatMap(({ direction, tag }) => (direction === 'received' ? [tag] : []))
      await subscribe()
      await sendToAll()
      return asked.filter((tag) => tag === 'NSUB' || tag === 'NSUBS')
    }

    await subscribe()
    await subscribe()
    await sendToAll()
    // Ours has a service, the SMP server knows of none.
    expect(await session(true, false)).toEqual(['NSUB', 'NSUB'])
    // Both: the queues become the service's.
    expect(new Set(await session(true, true))).toEqual(new Set(['NSUB']))
    // They are subscribed at once.
    expect(await session(true, true)).toEqual(['NSUBS'])
    // Back.
    expect(await session(false, true)).toEqual(Array(5).fill('NSUB'))
    expect(await session(false, false)).toEqual(Array(6).fill('NSUB'))
    expect(queues).toHaveLength(7)
  })

  test('D13: a device with tokens at two servers is woken by each', async (context: TestContext) => {
    const own = await target.own(context)
    const { device, queue } = await woken()
    const elsewhere = await new NtfDevice(own, { client: device, token: newToken() }).activate()
    const other = await target.newQueue()
    await elsewhere.subscribed(other)
    await queue.send()
    await other.send()
    await device.untilTold(queue)
    await elsewhere.untilTold(other)
    // The one knows nothing of the other's.
    expect(await device.words({ tag: 'TCHK' }, elsewhere.tokenId)).toBe('ERR AUTH')
    // From one server to the other: deleted there, registered here.
    expect(await elsewhere.words({ tag: 'TDEL' })).toBe('OK')
    await own.ntf.stop()
    expect(await device.words(device.snew(other), none)).toBe('IDSUB')
    await other.send()
    await device.untilTold(other)
  })
})
