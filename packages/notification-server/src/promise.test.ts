// Spec 30 §6 "What is promised", under whatever happens.
import { toHex } from '@smpkit/encoding'
import type { PushOutcome } from '@smpkit/push-providers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryStore } from './memory-store.js'
import { FakeProvider, mortal } from './testing/fakes.js'
import { ManualClock, settled } from './testing/manual-clock.js'
import { allAnswered, Device, down, Queue, type Setup, setUp, up } from './testing/setup.js'

type Step =
  | { readonly do: 'notify'; readonly queues: readonly number[] }
  | { readonly do: 'outcome'; readonly outcome: PushOutcome | 'hang' | 'throw' }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'hold' | 'release' | 'crash' | 'close' | 'lose session' | 'store fails' }

const outcome = fc.constantFrom<PushOutcome | 'hang' | 'throw'>(
  'hang',
  'throw',
  { outcome: 'retry', afterMs: 0, reason: '503' },
  { outcome: 'retry', afterMs: 90_000, reason: '429' },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('notify' as const),
      queues: fc.array(fc.nat(7), { minLength: 1, maxLength: 9 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('outcome' as const), outcome }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(100_000) }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom('hold', 'release', 'crash', 'close', 'lose session', 'store fails') }),
  },
)

test.each([
  ['of a service client', false],
  ['of the NTF protocol', true],
])('a device %s: every notification is pushed, or it is told to look after it', async (_name, ntf) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const clock = new ManualClock()
      const rows = memoryStore()
      const device = new Device('owner', 'token', 'fake', ntf)
      let store = mortal(rows)
      let provider = new FakeProvider()
      const start = async (): Promise<Setup> => ({
        ...(await setUp({ store: store.store, clock, providers: [provider] })),
        provider,
      })
      let setup = await start()
      await device.activate(setup)
      const queues = Array.from({ length: 8 }, (_, i) => new Queue(i))
      for (const queue of queues) await queue.add(setup, device)
      setup.subscriber.emit(up(), allAnswered())
      await settled()

      /** When, in steps: what was notified, and what an accepted push said. */
      const notified = new Map<Queue, { readonly nonce: string; readonly at: number }>()
      const told = new Map<string, number>()
      let time = 0
      /** What a server that crashed does later does not count. */
      const listen = (present: FakeProvider) => {
        const send = present.send.bind(present)
        present.send = async (push, options) => {
          const answer = await send(push, options)
          if (answer.outcome !== 'accepted' || present !== provider) return answer
          for (const opened of device.open([push])) {
            if (opened.kind === 'check') told.set('check', ++time)
            if (opened.kind !== 'message') continue
            expect(opened.items.length).toBeLessThanOrEqual(6)
            expect(new Set(opened.items.map(({ notifierId }) => toHex(notifierId))).size).toBe(opened.items.length)
            for (const item of opened.items) told.set(toHex(item.nonce), ++time)
          }
          return answer
        }
      }
      listen(provider)
      const restart = async () => {
        store = mortal(rows)
        provider = new FakeProvider()
        listen(provider)
        setup = await start()
        setup.subscriber.emit(up(), allAnswered())
        await settled()
      }

      for (const one of steps) {
        if (one.do === 'notify') {
          const events = one.queues.map((number) => {
            const event = (queues[number] as Queue).notification()
            notified.set(queues[number] as Queue, { nonce: toHex(event.nonce), at: ++time })
            return event
          })
          setup.subscriber.emit(...events)
          if (time % 3) await settled()
        } else if (one.do === 'outcome') provider.outcomes.push(one.outcome)
        else if (one.do === 'advance') await clock.advance(one.ms)
        else if (one.do === 'hold') provider.hold = true
        else if (one.do === 'release') {
          provider.hold = false
          provider.release()
        } else if (one.do === 'store fails') store.failures.next = 2
        else if (one.do === 'lose session') {
          // The SMP server handed a notification over that never came to us.
          const queue = queues[time % queues.length] as Queue
          notified.set(queue, { nonce: 'lost', at: ++time })
          setup.subscriber.emit(down(false), up(), allAnswered())
          if (time % 2) await settled()
        } else {
          if (one.do === 'crash') store.die()
          else {
            const closing = setup.server.close()
            await clock.advance(5000)
            await closing
          }
          await restart()
        }
      }
      provider.hold = false
      provider.release()
      provider.outcomes.length = 0
      await clock.advance(2 * 60 * 60_000)

      for (const { nonce, at } of notified.values()) {
        expect(told.get(nonce) ?? told.get('check') ?? 0).toBeGreaterThan(at)
      }
      expect(await setup.server.status()).toMatchObject({ pushes: { inFlight: 0, owed: 0 } })
      await setup.server.close()
    }),
    { numRuns: 50 },
  )
})
