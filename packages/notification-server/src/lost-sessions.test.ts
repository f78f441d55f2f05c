import { describe, expect, test } from 'vitest'
import { memoryStore } from './memory-store.js'
import { intercepted } from './testing/fakes.js'
import { settled } from './testing/manual-clock.js'
import { allAnswered, Device, down, Queue, up, withQueues } from './testing/setup.js'

const minute = 60_000

describe('a session that did not end orderly', () => {
  test('owes every active token there a check-messages push after re-subscription, over a minute', async () => {
    const { device, provider, subscriber, clock, server } = await withQueues(2)
    subscriber.emit(down(false))
    await clock.advance(10 * minute)
    expect(provider.pushes).toHaveLength(0)
    subscriber.emit(up(), allAnswered())
    await clock.advance(29_000)
    expect(provider.pushes).toHaveLength(0)
    await clock.advance(2000)
    expect(device.queues(provider.pushes)).toEqual(['check'])
    expect(await server.status()).toMatchObject({ pushes: { owed: 0 } })
  })

  test('a second check within 20 minutes is delayed, not dropped', async () => {
    const { device, provider, subscriber, clock } = await withQueues(1)
    subscriber.emit(down(false), up(), allAnswered())
    await clock.advance(minute)
    subscriber.emit(down(false), up(), allAnswered(), down(false), up(), allAnswered())
    await clock.advance(19 * minute)
    expect(device.queues(provider.pushes)).toEqual(['check'])
    await clock.advance(2 * minute)
    expect(device.queues(provider.pushes)).toEqual(['check', 'check'])
    await clock.advance(60 * minute)
    expect(provider.pushes).toHaveLength(2)
  })

  test('a check that is asked for while one is in flight is not lost', async () => {
    const { device, provider, subscriber, clock } = await withQueues(1)
    provider.hold = true
    subscriber.emit(down(false), up(), allAnswered())
    await clock.advance(minute)
    expect(provider.inFlight).toBe(1)
    subscriber.emit(down(false), up(), allAnswered())
    await settled()
    provider.hold = false
    provider.release()
    await clock.advance(21 * minute)
    expect(device.queues(provider.pushes)).toEqual(['check', 'check'])
  })

  test('owes checks after a while, although some queue there is never answered', async () => {
    const { device, provider, subscriber, clock } = await withQueues(1)
    subscriber.emit(down(false), up())
    await clock.advance(7 * minute)
    expect(device.queues(provider.pushes)).toEqual(['check'])
  })

  test('an orderly end owes nothing', async () => {
    const { provider, subscriber, clock } = await withQueues(1)
    subscriber.emit(down(true), up(), allAnswered())
    await clock.advance(60 * minute)
    expect(provider.pushes).toHaveLength(0)
  })

  test('while another one’s checks are being owed owes checks once more', async () => {
    const rows = memoryStore()
    let onPage = async () => {}
    const store = intercepted(rows, async (name, call) => {
      const result = await call()
      if (name === 'page') await onPage()
      return result
    })
    const { device, provider, subscriber, clock } = await withQueues(1, { store })
    subscriber.emit(down(false), up())
    await clock.advance(4 * minute)
    // The overdue checks of the first loss are owed by maintenance, while the intake learns of a second one.
    onPage = async () => {
      onPage = async () => {}
      subscriber.emit(down(false))
      for (let i = 0; i < 9; i++) await Promise.resolve()
    }
    await clock.advance(3 * minute)
    expect(device.queues(provider.pushes)).toEqual(['check'])
    subscriber.emit(up(), allAnswered())
    await clock.advance(30 * minute)
    expect(device.queues(provider.pushes)).toEqual(['check', 'check'])
  })

  test('is looked after by a token that becomes active later', async () => {
    const { setup, provider, subscriber, clock } = await withQueues(0)
    const device = await new Device('late').register(setup)
    await new Queue(1).add(setup, device)
    subscriber.emit(down(false), up(), allAnswered())
    await clock.advance(5 * minute)
    expect(provider.pushes).toHaveLength(1)
    await device.verify(setup)
    expect(device.queues(provider.pushes)).toEqual(['verification', 'check'])
  })

  test('only tokens with a queue there are told', async () => {
    const { setup, provider, subscriber, clock } = await withQueues(1)
    const other = await new Device('other').activate(setup)
    await new Queue(9, { ...new Queue(9).server, keyHash: new Uint8Array(32).fill(9) }).add(setup, other)
    subscriber.emit(down(false), up(), allAnswered())
    await clock.advance(2 * minute)
    expect(provider.pushes.map(({ token }) => token)).toEqual(['token of owner'])
  })
})
