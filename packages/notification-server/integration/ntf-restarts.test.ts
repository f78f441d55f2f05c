// Spec 24 §1 R4, R6, R13, D5, D6, D9, D13, T12: servers that go and come.
import { describe, expect, onTestFinished, test } from 'vitest'
import { EmbeddedSmp } from './support/embedded-smp.js'
import { until } from './support/in-process.js'
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

  test('D13: a device with tokens at two servers is woken by each', async (context) => {
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
