import type { PushOutcome } from '@smpkit/push-providers'
import { describe, expect, test } from 'vitest'
import { memoryStore } from './memory-store.js'
import { intercepted, mortal } from './testing/fakes.js'
import { settled } from './testing/manual-clock.js'
import { allAnswered, Device, down, setUp, up, withQueues } from './testing/setup.js'

const minute = 60_000

describe('a push that is not accepted', () => {
  const retry = { outcome: 'retry', afterMs: 0, reason: '503' } as const

  test('is tried again after growing delays, with what came meanwhile and a new nonce (W3)', async () => {
    const { device, provider, notify, clock } = await withQueues(3)
    provider.outcomes.push(retry, retry, retry)
    const times: number[] = []
    const began = clock.now()
    await notify(1)
    for (let i = 0; i < 100; i++) {
      if (times.length < provider.pushes.length) times.push(clock.now() - began)
      if (i === 5) await notify(2)
      await clock.advance(100)
    }
    // Half of the delay is at random: 0.5 here.
    expect(times.map((time) => Math.round(time / 250) * 250)).toEqual([0, 750, 2250, 5250])
    expect(device.queues(provider.pushes)).toEqual(['1', '1,2', '1,2', '1,2'])
    const nonces = provider.pushes.map(({ notificationData }) => 'nonce' in notificationData && notificationData.nonce)
    expect(new Set(nonces).size).toBe(4)
  })

  test('waits at least as long as the provider asked for', async () => {
    const { provider, notify, clock } = await withQueues(1)
    provider.outcomes.push({ ...retry, afterMs: 5 * minute })
    await notify(1)
    await clock.advance(5 * minute - 1)
    expect(provider.pushes).toHaveLength(1)
    await clock.advance(1)
    expect(provider.pushes).toHaveLength(2)
  })

  test('because the token is gone makes the token invalid, with the reason, and is kept for its return', async () => {
    const { server, device, provider, notify, queues, setup } = await withQueues(2)
    provider.outcomes.push({ outcome: 'gone', reason: 'Unregistered' })
    await notify(1)
    await notify(2)
    expect(provider.pushes).toHaveLength(1)
    expect(await server.tokens.get(device)).toMatchObject({ status: 'invalid', reason: 'Unregistered' })
    expect(await server.deadLetters()).toMatchObject([{ kind: 'message', reason: 'Unregistered', attempts: 1 }])
    await device.register(setup)
    await device.verify(setup)
    expect(device.queues(provider.pushes)).toEqual(['1', 'verification', '1,2'])
    expect(queues).toHaveLength(2)
  })

  test('because it is refused is a dead letter, and its notifications go with the next', async () => {
    const { server, device, provider, notify, clock } = await withQueues(2)
    provider.outcomes.push({ outcome: 'refused', reason: 'BadTopic' })
    await notify(1)
    await clock.advance(60 * minute)
    expect(provider.pushes).toHaveLength(1)
    expect(await server.deadLetters()).toMatchObject([{ reason: 'BadTopic', provider: 'fake' }])
    expect(await server.tokens.get(device)).toMatchObject({ status: 'active' })
    await notify(2)
    expect(device.queues(provider.pushes)).toEqual(['1', '1,2'])
  })

  test.each([
    { outcome: 'refused', reason: 'BadTopic' } as const,
    { outcome: 'retry', afterMs: 0, reason: '503' } as const,
  ])('for good ($outcome) while another notification came: that one is pushed, also after a crash', async (outcome) => {
    const rows = memoryStore()
    const { store, die } = mortal(rows)
    const { device, provider, notify, clock } = await withQueues(2, {
      store,
      limits: { pushExpiry: { verification: minute, message: 0, check: 0 } },
    })
    provider.outcomes.push(outcome)
    provider.hold = true
    await notify(1)
    await notify(2)
    provider.release()
    await new Promise<void>((resolve) => queueMicrotask(resolve))
    await settled()
    die()
    const second = await setUp({ store: rows, clock })
    await clock.advance(minute)
    expect(device.queues(second.provider.pushes)).toContain('1,2')
  })

  test('for too long is a dead letter', async () => {
    const { server, provider, notify, clock } = await withQueues(1, {
      limits: { pushExpiry: { verification: 1, message: minute, check: 1 } },
    })
    provider.outcomes.push(...new Array(20).fill(retry))
    await notify(1)
    await clock.advance(10 * minute)
    expect(await server.deadLetters()).toMatchObject([{ kind: 'message', reason: 'expired.503' }])
    expect(provider.pushes.length).toBeLessThan(10)
  })

  test.each(['hang', 'throw'] as const)(
    'because the provider breaks its contract (%s) is tried again (W2)',
    async (how) => {
      const { device, provider, notify, clock } = await withQueues(1)
      provider.outcomes.push(how)
      await notify(1)
      await clock.advance(minute)
      expect(device.queues(provider.pushes)).toEqual(['1', '1'])
    },
  )

  test('is tried again when the store fails after it was accepted', async () => {
    const { store, failures } = mortal(memoryStore())
    const { device, provider, notify, clock } = await withQueues(1, { store })
    provider.hold = true
    await notify(1)
    failures.next = 1
    provider.hold = false
    provider.release()
    await clock.advance(10_000)
    expect(device.queues(provider.pushes)).toEqual(['1', '1'])
  })
})

describe('an answer of the provider', () => {
  const inFlight = async (outcome: PushOutcome) => {
    const found = await withQueues(1)
    found.provider.outcomes.push(outcome)
    found.provider.hold = true
    await found.notify(1)
    const release = async () => {
      found.provider.hold = false
      found.provider.release()
      await settled()
    }
    return { ...found, release }
  }

  test('about a device token that is not the present one counts for nothing: the new one gets the push', async () => {
    const { server, device, provider, store, release } = await inFlight({ outcome: 'accepted' })
    await server.tokens.replace({ ...device, provider: 'fake', token: 'new' })
    await release()
    const { tokens } = await store.read({ tokens: { id: [device.id] } })
    await server.tokens.verify({ ...device, code: tokens[0]?.code as Uint8Array })
    await settled()
    expect(provider.pushes.map(({ kind, token }) => `${kind} ${token}`)).toEqual([
      'message token of owner',
      'verification new',
      'message new',
    ])
  })

  test('that a token is gone drops no check that it is owed', async () => {
    const { server, setup, device, provider, subscriber, clock, release } = await inFlight({
      outcome: 'gone',
      reason: 'x',
    })
    subscriber.emit(down(false), up(), allAnswered())
    await settled()
    await release()
    await clock.advance(2 * minute)
    expect(await server.tokens.get(device)).toMatchObject({ status: 'invalid' })
    await device.register(setup)
    await device.verify(setup)
    expect(device.queues(provider.pushes).slice(2).sort()).toEqual(['1', 'check'])
  })

  test('does not undo that the device asked for another code meanwhile, although nobody knows yet', async () => {
    const rows = memoryStore()
    const { store, die } = mortal(rows)
    // Commits are learned of late.
    const late = intercepted(store, async (name, call) => {
      const result = await call()
      return isLate && name === 'atomic' ? new Promise(() => {}) : result
    })
    let isLate = false
    const setup = await setUp({ store: late })
    setup.provider.hold = true
    const device = await new Device().register(setup)
    isLate = true
    void device.register(setup)
    setup.provider.release()
    await settled()
    die()
    const second = await setUp({ store: rows })
    await settled()
    expect(second.provider.pushes.map(({ kind }) => kind)).toEqual(['verification'])
  })
})
