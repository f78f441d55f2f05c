import { describe, expect, test } from 'vitest'
import { memoryStore } from './memory-store.js'
import { intercepted, mortal } from './testing/fakes.js'
import { ManualClock, settled } from './testing/manual-clock.js'
import { allAnswered, Queue, setUp, up, withQueues } from './testing/setup.js'

const minute = 60_000

describe('a restart', () => {
  test('after a crash loses nothing that was committed, and checks every active token once its queues are back', async () => {
    const rows = memoryStore()
    const first = mortal(rows)
    const { device, notify, provider, clock } = await withQueues(3, { store: first.store })
    provider.hold = true
    await notify(1)
    await notify(2, 3)
    first.die()
    const second = await setUp({ store: rows, clock })
    await settled()
    expect(second.subscriber.subscribed).toHaveLength(3)
    expect(device.queues(second.provider.pushes)).toEqual(['1,2,3'])
    second.subscriber.emit(up(), allAnswered())
    await clock.advance(2 * minute)
    expect(device.queues(second.provider.pushes)).toEqual(['1,2,3', 'check'])
  })

  test('after a crash at any step of the store pushes everything that was committed', async () => {
    for (let steps = 0; steps < 14; steps++) {
      const rows = memoryStore()
      let left = Number.POSITIVE_INFINITY
      const dying = intercepted(rows, async (_name, call) => {
        if (left-- <= 0) return new Promise(() => {})
        const result = await call()
        return left < 0 ? new Promise(() => {}) : result
      })
      const { device, notify, clock } = await withQueues(8, { store: dying })
      left = steps
      await notify(1, 2, 3, 4, 5, 6, 7)
      await notify(8, 1)
      const committed = await rows.read({ notifications: { first: { tokens: [device.id], limit: 99 } } })
      const second = await setUp({ store: rows, clock })
      await clock.advance(minute)
      const after = device.queues(second.provider.pushes).join()
      for (const { subscription } of committed.notifications) {
        const { subscriptions } = await rows.read({ subscriptions: { id: [subscription] } })
        expect(after.split(',')).toContain(String(subscriptions[0]?.notifierId[0]))
      }
      expect((await rows.read({ notifications: { first: { tokens: [device.id], limit: 99 } } })).notifications).toEqual(
        [],
      )
      await second.server.close()
    }
  })

  test('after an orderly close owes no checks, and goes on with what is owed', async () => {
    const { device, notify, provider, clock, server, store, subscriber } = await withQueues(2)
    provider.hold = true
    await notify(1)
    subscriber.emit(new Queue(5).notification())
    await server.close()
    expect(clock.timers).toBe(0)
    const second = await setUp({ store, clock: new ManualClock() })
    second.subscriber.emit(up(), allAnswered())
    await second.clock.advance(60 * minute)
    expect(device.queues(second.provider.pushes)).toEqual(['1'])
  })

  test('close sends nothing more, and does not wait for a store or a provider that hangs', async () => {
    const rows = memoryStore()
    let slow = false
    const waiting: (() => void)[] = []
    const store = intercepted(rows, async (name, call) => {
      if (slow && name === 'read') await new Promise<void>((resolve) => waiting.push(resolve))
      return call()
    })
    const { notify, provider, clock, server } = await withQueues(1, { store })
    slow = true
    await notify(1)
    provider.outcomes.push('hang')
    const closed = server.close()
    await settled()
    for (const resolve of waiting) resolve()
    await closed
    expect(provider.pushes).toHaveLength(0)
    expect(clock.timers).toBe(0)
  })

  test('close while the store fails ends, and the next start checks', async () => {
    const { store, failures } = mortal(memoryStore())
    const { device, notify, clock, server } = await withQueues(1, { store })
    failures.next = 100
    await notify(1)
    await server.close()
    expect(clock.timers).toBe(0)
    failures.next = 0
    const second = await setUp({ store, clock })
    second.subscriber.emit(up(), allAnswered())
    await clock.advance(2 * minute)
    expect(device.queues(second.provider.pushes)).toEqual(['check'])
  })

  test('that fails with the store leaves no timers and closes the SMP side', async () => {
    const { notify, provider, clock, server, store } = await withQueues(1)
    provider.outcomes.push({ outcome: 'retry', afterMs: minute, reason: '503' })
    await notify(1)
    await server.close()
    const failing = intercepted(store, async (name, call, [table]) => {
      if (name === 'page' && table === 'subscriptions') throw new Error('no subscriptions')
      return call()
    })
    await expect(setUp({ store: failing, clock })).rejects.toThrow('no subscriptions')
    expect(clock.timers).toBe(0)
  })

  test('close stores what was received before it', async () => {
    const { device, queues, server, store, subscriber, provider } = await withQueues(1)
    provider.hold = true
    subscriber.emit((queues[0] as Queue).notification())
    await server.close()
    const second = await setUp({ store })
    await settled()
    expect(device.queues(second.provider.pushes)).toEqual(['1'])
  })
})
