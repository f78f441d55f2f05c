import { StoreError } from '@smpkit/agent-store'
import { toBase64url } from '@smpkit/encoding'
import { describe, expect, test } from 'vitest'
import { memoryStore } from './memory-store.js'
import { FakeProvider, intercepted, mortal } from './testing/fakes.js'
import { settled } from './testing/manual-clock.js'
import { Device, Queue, type Setup, setUp, withQueues } from './testing/setup.js'

const minute = 60_000

describe('a notification becomes a push', () => {
  test('at once, with the address that the owner wrote, the time and the metadata', async () => {
    const { device, provider, subscriber, queues, clock } = await withQueues(1)
    const event = (queues[0] as Queue).notification()
    subscriber.emit(event)
    await settled()
    expect(provider.pushes).toHaveLength(1)
    const [opened] = device.open(provider.pushes)
    const { notifierId, nonce, encMeta } = event
    const ntfTs = Math.floor(clock.now() / 1000)
    expect(opened).toMatchObject({ kind: 'message', items: [{ notifierId, nonce, encMeta, ntfTs }] })
    const [item] = opened?.kind === 'message' ? opened.items : []
    expect(item).toMatchObject({
      server: { hosts: [{ text: 'smp.example.com' }], port: '', keyHash: queues[0]?.server.keyHash },
    })
  })

  test('those that come in one batch go in one push, newest last', async () => {
    const { device, provider, notify } = await withQueues(4)
    await notify(2, 1, 4, 3, 1)
    expect(device.queues(provider.pushes)).toEqual(['2,4,3,1'])
  })

  test('those that arrive while a push is in flight join the next one', async () => {
    const { device, provider, notify } = await withQueues(3)
    provider.hold = true
    await notify(1)
    await notify(2)
    await notify(3)
    expect(provider.pushes).toHaveLength(1)
    provider.hold = false
    provider.release()
    await settled()
    expect(device.queues(provider.pushes)).toEqual(['1', '2,3'])
  })

  test('a queue that is notified again while its push is in flight is pushed again', async () => {
    const { device, provider, notify } = await withQueues(1)
    provider.hold = true
    await notify(1)
    await notify(1)
    provider.hold = false
    provider.release()
    await settled()
    expect(device.queues(provider.pushes)).toEqual(['1', '1'])
  })

  test('more than six queues make several pushes, oldest first', async () => {
    const { device, provider, notify } = await withQueues(14)
    await notify(...Array.from({ length: 14 }, (_, i) => i + 1))
    expect(device.queues(provider.pushes)).toEqual(['1,2,3,4,5,6', '7,8,9,10,11,12', '13,14'])
  })

  test('what does not fit waits for the next push', async () => {
    const setup = await setUp()
    const device = await new Device().activate(setup)
    const long = Array.from({ length: 5 }, (_, i) => `${i}${'x'.repeat(180)}.example`).join()
    const server = new Queue(0).server
    const hosts = long.split(',').map((text) => ({ type: 'domain' as const, text }))
    const queues = [1, 2, 3].map((number) => new Queue(number, { ...server, hosts }))
    for (const queue of queues) await queue.add(setup, device)
    setup.subscriber.emit(...queues.map((queue) => queue.notification()))
    await settled()
    expect(device.queues(setup.provider.pushes)).toEqual(['1,2', '3'])
  })

  test('nothing is pushed twice, and nothing is left owed, once it was accepted', async () => {
    const { provider, notify, server, clock } = await withQueues(2)
    await notify(1, 2)
    await clock.advance(10 * minute)
    expect(provider.pushes).toHaveLength(1)
    expect(await server.status()).toMatchObject({ pushes: { inFlight: 0, owed: 0 } })
  })

  test('a notification without metadata makes the device look', async () => {
    const { device, provider, subscriber, queues } = await withQueues(1)
    subscriber.emit({ ...(queues[0] as Queue).notification(), encMeta: new Uint8Array() })
    await settled()
    expect(device.queues(provider.pushes)).toEqual(['check'])
  })

  test('one that fits no push makes the device look, and holds up no other', async () => {
    const { device, provider, subscriber, queues } = await withQueues(2)
    const [first, second] = queues as [Queue, Queue]
    subscriber.emit({ ...first.notification(), encMeta: new Uint8Array(3000) }, second.notification())
    await settled()
    expect(device.queues(provider.pushes)).toEqual(['check', '2'])
  })

  test('a block of notifications is one transaction of the store (W19)', async () => {
    let atomics = 0
    const store = memoryStore()
    const counting = intercepted(store, (name, call) => {
      if (name === 'atomic') atomics++
      return call()
    })
    const { provider, notify } = await withQueues(6, { store: counting })
    provider.hold = true
    atomics = 0
    await notify(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6)
    expect(atomics).toBe(1)
    provider.release()
  })

  test('what the store refuses for good holds up nothing else, and its device is told to look', async () => {
    const store = memoryStore()
    let poisoned = ''
    const refusing = intercepted(store, async (name, call, [selection]) => {
      const asked = JSON.stringify(selection ?? '')
      if (name === 'atomic' && poisoned !== '' && asked.includes(poisoned)) {
        throw new StoreError('INVALID', 'no such row')
      }
      return call()
    })
    const { device, provider, subscriber, queues, clock } = await withQueues(3, {
      store: refusing,
      limits: { checkSpread: 0 },
    })
    poisoned = toBase64url((queues[1] as Queue).notifierId)
    subscriber.emit(...queues.map((queue) => queue.notification()))
    await clock.advance(1)
    const named = device.queues(provider.pushes)
    expect(named.filter((text) => text !== 'check').flatMap((text) => text.split(','))).toEqual(['1', '3'])
    expect(named).toContain('check')
  })

  test('it is in the store before the push leaves', async () => {
    const { store, failures } = mortal(memoryStore())
    const { provider, notify, clock } = await withQueues(1, { store })
    failures.next = 3
    await notify(1)
    expect(provider.pushes).toHaveLength(0)
    await clock.advance(3000)
    expect(provider.pushes).toHaveLength(1)
  })
})

describe('providers', () => {
  test('one that never answers delays no push of another (W20, W21)', async () => {
    const slow = new FakeProvider('slow', 2)
    const fast = new FakeProvider('fast', 2)
    const setup: Setup = await setUp({ providers: [slow, fast] })
    const devices: Device[] = []
    for (let i = 0; i < 10; i++) {
      const provider = i % 2 ? slow : fast
      devices.push(await new Device(`owner ${i}`, `token ${i}`, provider.name).activate({ ...setup, provider }))
    }
    slow.outcomes.push(...new Array<'hang'>(100).fill('hang'))
    const queues = devices.map((_, i) => new Queue(i))
    for (const [i, device] of devices.entries()) await (queues[i] as Queue).add(setup, device)
    setup.subscriber.emit(...queues.map((queue) => queue.notification()))
    await settled()
    expect(fast.pushes).toHaveLength(5)
    // It never has more in flight than it may.
    expect(slow.pushes).toHaveLength(2)
    await setup.clock.advance(30_000)
    expect(slow.pushes).toHaveLength(4)
  })

  test('one that is not configured any more keeps what is owed in the store', async () => {
    const { store, notify, provider, server } = await withQueues(1)
    provider.hold = true
    await notify(1)
    await server.close()
    const without = await setUp({ store, providers: [] })
    expect(await store.page('outbox', { limit: 9 })).toMatchObject([{ kind: 'message' }])
    await without.server.close()
    const again = await setUp({ store })
    await settled()
    expect(again.provider.pushes).toHaveLength(1)
  })
})
