// The entry `@smpkit/push-providers/conformance`: the promises of `PushProvider` as tests, for any test runner.
import assert from 'node:assert/strict'
import { randomBytes } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { DeviceTokenError } from './errors.js'
import {
  checkMessagesData,
  messageData,
  type NotificationData,
  type PushKind,
  verificationData,
} from './notification-data.js'
import type { Push, PushOutcome, PushProvider } from './provider.js'

export interface TestRunner {
  describe(name: string, body: () => void): void
  it(name: string, body: () => Promise<void>): void
}

/** What the provider behind the provider can be told to answer. `hang`: nothing at all. */
export type ScriptedAnswer = 'accepted' | 'retry' | 'retry-after' | 'gone' | 'refused' | 'hang'

/** A provider with the far end that it sends to. */
export interface ProviderFixture {
  readonly provider: PushProvider
  /** Two tokens of different devices, as a client gives them. */
  readonly tokens: readonly [unknown, unknown]
  /** What the provider must not accept as tokens. */
  readonly badTokens: readonly unknown[]
  /** What arrived at the far end so far, each as one text that holds the `notificationData`'s values. */
  received(): readonly string[]
  /** What the far end answers from now on; `retry-after` asks for a delay of 7 seconds. Only called with what `supports` lists. */
  answer(answer: ScriptedAnswer): void
  /** Frees the far end; the suite has closed the provider. */
  close(): Promise<void>
}

export interface ProviderSuite {
  readonly name: string
  readonly supports: readonly ScriptedAnswer[]
  /**
   * Whether what arrives at the far end holds the values of `notificationData` as they are: not so where the provider
   * encrypts once more, nor for the console, which shows their beginnings.
   */
  readonly readable: boolean
  create(): Promise<ProviderFixture>
}

const secret = randomBytes(32)
const dataOf: Record<PushKind, () => NotificationData> = {
  verification: () => verificationData(secret, randomBytes(32)),
  message: () => messageData(secret, 'a text that only the device reads'),
  check: () => checkMessagesData,
}
const kinds: readonly PushKind[] = ['verification', 'message', 'check']

/** Registers the tests of one provider. */
export function pushProviderSuite(
  { describe, it }: TestRunner,
  { name, supports, readable, create }: ProviderSuite,
): void {
  const promise = (text: string, body: (fixture: ProviderFixture) => Promise<void>) =>
    it(text, async () => {
      const fixture = await create()
      try {
        await body(fixture)
      } finally {
        await fixture.provider.close()
        await fixture.close()
      }
    })
  const pushTo = (fixture: ProviderFixture, device: 0 | 1, kind: PushKind): Push => ({
    id: toBase64url(randomBytes(12)),
    kind,
    token: fixture.provider.readToken(fixture.tokens[device]),
    registeredAt: Date.now(),
    notificationData: dataOf[kind](),
  })
  const send = (fixture: ProviderFixture, kind: PushKind = 'message', signal = new AbortController().signal) =>
    fixture.provider.send(pushTo(fixture, 0, kind), { signal })

  describe(`push provider ${name}`, () => {
    promise('reads a token to one canonical text', async ({ provider, tokens }) => {
      const [first, second] = tokens.map((token) => provider.readToken(token))
      assert.notEqual(first, second)
      assert.equal(provider.readToken(first), first)
      assert.equal(provider.readToken(tokens[0]), first)
    })

    promise('refuses what is no token', async ({ provider, badTokens }) => {
      for (const bad of [undefined, null, 1, [], '', ...badTokens]) {
        assert.throws(() => provider.readToken(bad), DeviceTokenError)
      }
    })

    for (const kind of kinds) {
      promise(`delivers a ${kind} push`, async (fixture) => {
        const push = pushTo(fixture, 0, kind)
        const outcome = await fixture.provider.send(push, { signal: new AbortController().signal })
        assert.deepEqual(outcome, { outcome: 'accepted' })
        const [received, ...others] = fixture.received()
        assert.equal(others.length, 0)
        if (!readable) return
        for (const value of Object.values(push.notificationData)) assert.ok(received?.includes(String(value)))
      })
    }

    promise('has up to maxConcurrent pushes in flight, at least one', async (fixture) => {
      const count = Math.min(fixture.provider.maxConcurrent, 20)
      assert.ok(count >= 1)
      const outcomes = await Promise.all(Array.from({ length: count }, () => send(fixture)))
      assert.ok(outcomes.every(({ outcome }) => outcome === 'accepted'))
      assert.equal(fixture.received().length, count)
    })

    promise('does not send what was aborted before', async (fixture) => {
      const { outcome } = await send(fixture, 'check', AbortSignal.abort())
      assert.equal(outcome, 'retry')
      assert.equal(fixture.received().length, 0)
    })

    promise('answers retry after close, which may be called twice', async (fixture) => {
      await fixture.provider.close()
      await fixture.provider.close()
      assert.equal((await send(fixture)).outcome, 'retry')
    })

    const failures: readonly [ScriptedAnswer, PushOutcome['outcome']][] = [
      ['retry', 'retry'],
      ['retry-after', 'retry'],
      ['gone', 'gone'],
      ['refused', 'refused'],
    ]
    for (const [answer, expected] of failures) {
      if (!supports.includes(answer)) continue
      promise(
        `says ${expected} with a short reason when the far end answers ${answer}, and goes on after it`,
        async (fixture) => {
          fixture.answer(answer)
          const push = pushTo(fixture, 0, 'message')
          const outcome = await fixture.provider.send(push, { signal: new AbortController().signal })
          assert.equal(outcome.outcome, expected)
          if (outcome.outcome === 'accepted') return
          assert.match(outcome.reason, /^[\w.-]{1,40}$/)
          for (const value of [push.token, ...Object.values(push.notificationData)]) {
            assert.ok(!outcome.reason.includes(String(value)))
          }
          if (outcome.outcome === 'retry')
            assert.ok(answer === 'retry' ? outcome.afterMs >= 0 : outcome.afterMs >= 7000)
          fixture.answer('accepted')
          assert.equal((await send(fixture)).outcome, 'accepted')
        },
      )
    }
    if (!supports.some((answer) => answer !== 'accepted')) {
      promise('accepts push after push, as it knows no failures', async (fixture) => {
        for (const kind of kinds) assert.equal((await send(fixture, kind)).outcome, 'accepted')
      })
    }

    if (supports.includes('hang')) {
      promise('settles with retry when it is aborted while the far end says nothing', async (fixture) => {
        fixture.answer('hang')
        const abort = new AbortController()
        const sent = send(fixture, 'message', abort.signal)
        setTimeout(() => abort.abort(), 20)
        assert.equal((await sent).outcome, 'retry')
      })

      promise('settles with retry when it is closed while the far end says nothing', async (fixture) => {
        fixture.answer('hang')
        const sent = send(fixture)
        setTimeout(() => void fixture.provider.close(), 20)
        assert.equal((await sent).outcome, 'retry')
      })

      promise('delays no push behind one that hangs', async (fixture) => {
        if (fixture.provider.maxConcurrent < 2) return
        fixture.answer('hang')
        const hanging = send(fixture)
        const arrived = fixture.received
        while (arrived().length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
        fixture.answer('accepted')
        assert.equal((await send(fixture)).outcome, 'accepted')
        await fixture.provider.close()
        assert.equal((await hanging).outcome, 'retry')
      })
    }
  })
}
