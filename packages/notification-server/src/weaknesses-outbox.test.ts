// Spec 24 §3: weaknesses of the reference that ours has not, those of what is pushed, and how.
import type { PushOutcome } from '@smpkit/push-providers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { notification } from './conformance-support.js'
import { memoryStore } from './memory-store.js'
import { freshRow } from './outbox-rules.js'
import { outboxId } from './rows.js'
import { intercepted, mortal } from './testing/fakes.js'
import { ManualClock, settled } from './testing/manual-clock.js'
import { accept, busy, devicesOf, openOutbox, oweAll, refusedKey, ScriptedProvider } from './testing/outbox.js'
import { withQueues } from './testing/setup.js'

const minute = 60_000
const hour = 60 * minute

describe('W2: a provider that cannot be reached', () => {
  test('W2: for hours costs no push: all go when it is back, without a restart', async () => {
    let isUp = false
    const provider = new ScriptedProvider(() =>
      isUp ? accept() : { outcome: 'retry', afterMs: 0, reason: 'connect', all: true },
    )
    const { clock, owe, start, outboxRows, store } = await openOutbox([provider])
    await owe(devicesOf('', 200))
    await start()
    await clock.advance(5 * hour)
    // One push at a time tries whether it is back.
    expect(provider.pushes.length).toBeLessThan(8 + 60)
    expect((await outboxRows()).map(({ attempts }) => attempts)).toEqual(Array(200).fill(0))
    isUp = true
    await clock.advance(20 * minute)
    await settled()
    expect(provider.accepted).toHaveLength(200)
    expect(await outboxRows()).toEqual([])
    expect(await store.deadLetters(10)).toEqual([])
  })

  test('W2: or breaks its contract, holds up nothing after its time is over', async () => {
    let how = 0
    const broken = [
      () => {
        throw new Error('thrown')
      },
      () => Promise.reject(new Error('rejected')),
      () => 'hang' as const,
      () => Promise.resolve(undefined as unknown as PushOutcome),
    ]
    const provider = new ScriptedProvider(() => broken[how++]?.() ?? accept())
    const { clock, owe, start, outbox } = await openOutbox([provider])
    await owe(devicesOf('', 6))
    await start()
    await clock.advance(2 * minute)
    expect(provider.accepted).toHaveLength(6)
    expect(outbox.activity).toEqual({ inFlight: 0, owed: 0 })
  })
})

describe('W3: what is not accepted', () => {
  test.each([{ reason: '429' }, { reason: '500' }, { reason: '503' }])(
    'W3: is tried again ($reason), not before the provider asked for',
    async ({ reason }) => {
      const { provider, notify, clock } = await withQueues(1)
      provider.outcomes.push({ outcome: 'retry', afterMs: 10 * minute, reason })
      await notify(1)
      await clock.advance(10 * minute - 1)
      expect(provider.pushes).toHaveLength(1)
      await clock.advance(1)
      expect(provider.pushes).toHaveLength(2)
      await clock.advance(hour)
      expect(provider.pushes).toHaveLength(2)
    },
  )

  test('W3: stays owed when the server is started again, with the attempts that were made', async () => {
    let isBusy = true
    const provider = new ScriptedProvider(() => (isBusy ? busy : accept()))
    const opened = await openOutbox([provider])
    await opened.owe(['device'])
    await opened.start()
    await opened.clock.advance(minute)
    const [before] = await opened.outboxRows()
    expect(before).toMatchObject({ reason: 'http-503' })
    expect(before?.attempts).toBeGreaterThan(3)
    await opened.restart()
    expect(await opened.outboxRows()).toEqual([before])
    isBusy = false
    await opened.clock.advance(5 * minute)
    expect(provider.accepted).toHaveLength(1)
    expect(await opened.outboxRows()).toEqual([])
  })

  test('W3: for a week of trying is a dead letter with its reason, but not for a week without trying', async () => {
    const never = new ScriptedProvider(() => busy)
    const first = await openOutbox([never])
    await first.owe(['device'])
    await first.start()
    await first.clock.advance(8 * 24 * hour)
    expect(await first.store.deadLetters(10)).toMatchObject([{ reason: 'expired.http-503', token: 'device' }])
    expect(await first.outboxRows()).toEqual([])

    let answer: PushOutcome = refusedKey
    const paused = new ScriptedProvider(() => answer)
    const second = await openOutbox([paused])
    await second.owe(['device'])
    await second.start()
    await second.clock.advance(8 * 24 * hour)
    answer = busy
    await second.restart()
    await second.clock.advance(hour)
    expect(await second.store.deadLetters(10)).toEqual([])
    expect(await second.outboxRows()).toMatchObject([{ reason: 'http-503' }])
    answer = accept()
    await second.clock.advance(hour)
    expect(paused.accepted).toHaveLength(1)
  })

  test('W3: in a storm of 503s, everything is pushed in the end, and the provider is not stormed', async () => {
    let answered = 0
    const provider = new ScriptedProvider(() => (answered++ < 2000 && answered % 10 > 0 ? busy : accept()), {
      maxConcurrent: 200,
    })
    const { clock, owe, start, outboxRows } = await openOutbox([provider])
    await owe(devicesOf('', 500))
    await start()
    const early = provider.pushes.length
    expect(early).toBeLessThan(700)
    await clock.advance(4 * hour)
    expect(new Set(provider.accepted.map(({ token }) => token)).size).toBe(500)
    expect(provider.accepted).toHaveLength(500)
    expect(await outboxRows()).toEqual([])
  })
})

describe('W19: transactions', () => {
  test('W19: are shared by what comes together: a thousand pushes need few of them, and few readings', async () => {
    const counts = { atomic: 0, read: 0 }
    const store = intercepted(memoryStore(), (name, call) => {
      if (name === 'atomic' || name === 'read') counts[name]++
      return call()
    })
    const provider = new ScriptedProvider(accept, { maxConcurrent: 500 })
    const { clock, start, outboxRows } = await openOutbox([provider], { store })
    await oweAll(store, clock, devicesOf('', 1000))
    counts.atomic = 0
    await start()
    for (let i = 0; i < 10; i++) await settled()
    expect(provider.accepted).toHaveLength(1000)
    expect(await outboxRows()).toEqual([])
    // The first ones while the limit grows are smaller than the others.
    expect(counts.atomic).toBeLessThan(30)
    expect(counts.read).toBeLessThan(30)
  })

  test('W19: one push that cannot be judged, or stored, spoils no other of its transaction', async () => {
    const rows = memoryStore()
    // As a database does with values that it does not take.
    const picky = intercepted(rows, (name, call, [selection, change]) => {
      if (name !== 'atomic') return call()
      return rows.atomic(selection as never, (found) => {
        const decision = (change as (rows: unknown) => { changes: { outbox?: readonly { reason: unknown }[] } })(found)
        if (decision.changes.outbox?.some(({ reason }) => reason === 'bad')) throw new Error('not stored')
        return decision as never
      })
    })
    const provider = new ScriptedProvider(({ token }) =>
      token === '/3' ? { outcome: 'retry', afterMs: 0, reason: 'bad' } : accept(),
    )
    const { clock, start, outboxRows } = await openOutbox([provider], { store: picky })
    await oweAll(rows, clock, devicesOf('', 8))
    await start()
    expect(provider.pushes).toHaveLength(8)
    expect((await outboxRows()).map(({ token }) => token)).toEqual(['/3'])
  })
})

describe('W20: a slow or dead provider or destination', () => {
  test('W20: delays none of 1,000 pushes through another provider, and receiving neither', async () => {
    const dead = new ScriptedProvider(() => 'hang', { name: 'dead', maxConcurrent: 50 })
    const alive = new ScriptedProvider(accept, { name: 'alive', maxConcurrent: 50 })
    const { owe, start, outbox, store, clock } = await openOutbox([dead, alive])
    await owe(devicesOf('dead', 1000), 'dead')
    await owe(devicesOf('alive', 1000), 'alive')
    await start()
    for (let i = 0; i < 20; i++) await settled()
    expect(alive.accepted).toHaveLength(1000)
    expect(dead.pushes.length).toBeLessThanOrEqual(50)
    // More comes in for both.
    const devices = [...devicesOf('dead', 10), ...devicesOf('alive', 10)]
    await outbox.commit({ tokens: { id: devices } }, ({ tokens }) => ({
      changes: {
        notifications: tokens.map(({ id }, i) => notification(`more of ${id}`, 5000 + i, id)),
        outboxIfAbsent: tokens.map(({ id, provider }) =>
          freshRow({ token: id, kind: 'message', provider }, clock.now()),
        ),
      },
      result: undefined,
    }))
    await settled()
    expect(alive.accepted).toHaveLength(1010)
    expect(await store.page('outbox', { limit: 5000 })).toHaveLength(1000)
  })

  test('W20: delays no other endpoint of the same provider, and takes few places', async () => {
    const provider = new ScriptedProvider((_, destination) => (destination.startsWith('dead') ? 'hang' : accept()), {
      maxConcurrent: 16,
      destinations: true,
    })
    const { clock, owe, start, outboxRows } = await openOutbox([provider])
    await owe([...devicesOf('dead-a', 300), ...devicesOf('dead-b', 300), ...devicesOf('alive', 300)])
    await owe(['small-a/0', 'small-b/0', 'small-c/0'])
    await start()
    for (let i = 0; i < 30; i++) await settled()
    expect(provider.accepted).toHaveLength(303)
    // Then each of them is tried with less.
    await clock.advance(5 * minute)
    for (const count of provider.inFlightTo.values()) count.most = count.now
    await clock.advance(5 * minute)
    expect(provider.inFlightTo.get('dead-a')?.most).toBe(1)
    expect(await outboxRows()).toHaveLength(600)
  })

  test('W20: is tried again by the endpoint that came back, while others are still away', async () => {
    let isUp = false
    const provider = new ScriptedProvider(
      (_, destination) =>
        destination === 'dead' || !isUp ? { outcome: 'retry', afterMs: 0, reason: 'connect', all: true } : accept(),
      { destinations: true },
    )
    const { clock, owe, start, outbox } = await openOutbox([provider])
    await owe([...devicesOf('dead', 50), ...devicesOf('back', 50)])
    await start()
    expect(outbox.metrics.providers).toMatchObject([{ provider: 'fake', lanes: 2, paused: 2, inFlight: 0 }])
    isUp = true
    await clock.advance(5 * minute)
    expect(provider.accepted).toHaveLength(50)
    expect(provider.accepted.every(({ token }) => token.startsWith('back'))).toBe(true)
  })
})

describe('W21: answers to one push', () => {
  test('W21: about one device delay no other device', async () => {
    const provider = new ScriptedProvider(({ token }) => (token === '/7' ? busy : accept()))
    const { owe, start } = await openOutbox([provider])
    await owe(devicesOf('', 300))
    await start()
    for (let i = 0; i < 10; i++) await settled()
    expect(provider.accepted).toHaveLength(299)
  })

  test('W21: that never come end by themselves', async () => {
    const provider = new ScriptedProvider(() => 'hang')
    const { clock, owe, start, outbox, outboxRows } = await openOutbox([provider], { limits: { pushTimeout: 5000 } })
    await owe(['device'])
    await start()
    expect(outbox.activity.inFlight).toBe(1)
    await clock.advance(5000)
    expect(outbox.activity.inFlight).toBe(0)
    expect(await outboxRows()).toMatchObject([{ attempts: 1, reason: 'timeout' }])
    expect(outbox.metrics).toMatchObject({
      owed: 1,
      oldestOwed: 5000,
      pushes: [{ provider: 'fake', kind: 'message', outcome: 'retry', reason: 'timeout', count: 1 }],
      lastAnswers: [{ provider: 'fake', outcome: 'retry', reason: 'timeout', at: clock.now() }],
    })
  })

  test('W21: with many tokens in flight adapt how many are sent at once: more while all goes well, fewer under load', async () => {
    let isOverloaded = false
    const answers: (() => void)[] = []
    const provider = new ScriptedProvider(
      () =>
        new Promise<PushOutcome>((resolve) => {
          answers.push(() => resolve(isOverloaded ? busy : accept()))
        }),
      { maxConcurrent: 100 },
    )
    const { owe, start } = await openOutbox([provider])
    await owe(devicesOf('', 2000))
    await start()
    const sizes: number[] = []
    const roundTrip = async () => {
      const present = answers.splice(0)
      sizes.push(present.length)
      for (const answer of present) answer()
      await settled()
    }
    for (let i = 0; i < 5; i++) await roundTrip()
    expect(sizes).toEqual([8, 16, 32, 64, 100])
    isOverloaded = true
    sizes.length = 0
    for (let i = 0; i < 4; i++) await roundTrip()
    expect(sizes).toEqual([100, 50, 25, 12])
    isOverloaded = false
    sizes.length = 0
    for (let i = 0; i < 3; i++) await roundTrip()
    expect(sizes).toEqual([6, 7, 8])
  })

  test('W21: that concern all pushes make all wait, uncounted, for what was asked; then one push tries', async () => {
    let answer: PushOutcome = refusedKey
    const provider = new ScriptedProvider(() => answer, { maxConcurrent: 100 })
    const { clock, owe, start, outboxRows } = await openOutbox([provider])
    await owe(devicesOf('', 100))
    await start()
    expect(provider.pushes).toHaveLength(8)
    await clock.advance(minute - 1)
    expect(provider.pushes).toHaveLength(8)
    await clock.advance(1)
    expect(provider.pushes).toHaveLength(9)
    expect((await outboxRows()).every(({ attempts }) => attempts === 0)).toBe(true)
    expect((await outboxRows()).filter(({ reason }) => reason === 'credentials')).toHaveLength(9)
    answer = accept()
    await clock.advance(minute)
    await settled()
    expect(provider.accepted).toHaveLength(100)
  })
})

const outcome = fc.constantFrom<PushOutcome | 'hang'>(
  'hang',
  { outcome: 'accepted' },
  { outcome: 'accepted' },
  busy,
  refusedKey,
  { outcome: 'retry', afterMs: 90_000, reason: '429' },
)

test('whatever providers answer and whenever the server dies: all that was notified is in an accepted push later', async () => {
  const event = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('notify' as const), device: fc.nat(11) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(120_000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('die' as const, 'store fails' as const) }) },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 40 }),
      fc.infiniteStream(outcome),
      fc.boolean(),
      async (events, outcomes, destinations) => {
        const clock = new ManualClock()
        const rows = memoryStore()
        const devices = ['a', 'b', 'c'].flatMap((destination) => devicesOf(destination, 4))
        await oweAll(rows, clock, devices)
        let isOver = false
        const provider = new ScriptedProvider(() => (isOver ? accept() : (outcomes.next().value ?? accept())), {
          maxConcurrent: 6,
          destinations,
        })
        const begin = async () => {
          const store = mortal(rows)
          const opened = await openOutbox([provider], { store: store.store, clock })
          await opened.start()
          return { ...store, outbox: opened.outbox }
        }
        let present = await begin()
        let seq = 1000
        for (const one of events) {
          if (one.do === 'notify') {
            const device = devices[one.device] as string
            const change = {
              notifications: [notification(`queue ${seq % 3} of ${device}`, ++seq, device)],
              outboxIfAbsent: [freshRow({ token: device, kind: 'message', provider: 'fake' }, clock.now())],
            }
            await present.outbox
              .commit({ tokens: { id: [device] } }, () => ({ changes: change, result: undefined }))
              .catch(() => undefined)
          } else if (one.do === 'advance') await clock.advance(one.ms)
          else if (one.do === 'store fails') present.failures.next = 2
          else {
            present.die()
            present = await begin()
          }
        }
        isOver = true
        await clock.advance(3 * hour)
        // Only an accepted push removes a notification.
        const { notifications, outbox } = await rows.read({
          notifications: { first: { tokens: devices, limit: 100 } },
          outbox: { id: devices.map((device) => outboxId(device, 'message')) },
        })
        expect(notifications).toEqual([])
        expect(outbox).toEqual([])
        expect(new Set(provider.accepted.map(({ token }) => token))).toEqual(new Set(devices))
        expect(await rows.deadLetters(10)).toEqual([])
        expect(present.outbox.activity).toEqual({ inFlight: 0, owed: 0 })
      },
    ),
    { numRuns: 40 },
  )
})
