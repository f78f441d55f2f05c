import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { pushProviderSuite } from '../conformance.js'
import type { PushKind } from '../notification-data.js'
import type { Push, PushProvider } from '../provider.js'
import { createTestIdentity } from '../testing/authority.js'
import { type FcmAnswer, type FcmFake, startFcmFake } from '../testing/fcm-fake.js'
import { type FcmOptions, fcmProvider } from './provider.js'

const answers: Record<string, FcmAnswer> = {
  retry: { status: 503, errorCode: 'UNAVAILABLE' },
  'retry-after': { status: 429, errorCode: 'QUOTA_EXCEEDED', retryAfter: '7' },
  gone: { status: 404, errorCode: 'UNREGISTERED' },
  refused: { status: 400, errorCode: 'INVALID_ARGUMENT', field: 'message.data' },
  hang: 'hang',
}

pushProviderSuite(
  { describe, it },
  {
    name: 'fcm',
    supports: ['accepted', 'retry', 'retry-after', 'gone', 'refused', 'hang'],
    readable: true,
    async create() {
      const fake = await startFcmFake()
      return {
        provider: fcmProvider(fake.options),
        tokens: ['device:APA91b-1', 'device:APA91b-2'],
        badTokens: ['x'.repeat(1025), 'a token', 'tök', 'a\n'],
        received: () => fake.pushes.map(({ data }) => JSON.stringify(data)),
        answer: (answer) => fake.answer(answers[answer] ?? 'accepted'),
        close: fake.close,
      }
    },
  },
)

let fake: FcmFake
let provider: PushProvider
let now = Date.parse('2026-06-01')
const clock = () => now
beforeEach(async () => {
  fake = await startFcmFake({ clock })
  start()
})
afterEach(async () => {
  await provider.close()
  await fake.close()
})

function start(options: Partial<FcmOptions> = {}) {
  provider = fcmProvider({ ...fake.options, clock, ...options })
}

const push = (kind: PushKind = 'message', token = 'device'): Push => ({
  id: 'id',
  kind,
  token,
  registeredAt: now,
  notificationData: { nonce: 'n'.repeat(32), message: 'm'.repeat(3904) },
})
const send = (p: Push = push()) => provider.send(p, { signal: new AbortController().signal })
const retry = (reason: string, more: object = {}) => ({ outcome: 'retry', afterMs: 0, reason, ...more })
const accepted = { outcome: 'accepted' }
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

describe('the access token', () => {
  it('is asked for once by many pushes, and used until five minutes before its end', async () => {
    expect(await Promise.all([send(), send(), send()])).toEqual([accepted, accepted, accepted])
    now += 3_299_000
    await send()
    expect(fake.grants).toBe(1)
    now += 2_000
    expect(await send()).toEqual(accepted)
    expect(fake.grants).toBe(2)
    now -= 3_600_000
    expect(await send()).toEqual(accepted)
    expect(fake.grants).toBe(3)
  })

  it('that is refused is renewed once for all pushes', async () => {
    await send()
    fake.revoke()
    expect(await Promise.all([send(), send()])).toEqual([accepted, accepted])
    expect(fake.grants).toBe(2)
  })

  it('that is refused although it is new stops all pushes', async () => {
    fake.answer({ status: 401, errorCode: 'THIRD_PARTY_AUTH_ERROR' })
    expect(await send()).toEqual(retry('third-party-auth', { afterMs: 60_000, all: true }))
    expect(fake.pushes).toHaveLength(2)
    fake.answer('accepted')
    expect(await send()).toEqual(accepted)
  })

  it.each([
    ['refused', 60_000],
    ['unfit', 60_000],
    ['away', 0],
  ] as const)('that is not given, %s, stops all pushes', async (answer, afterMs) => {
    fake.answerGrants(answer)
    expect(await send()).toEqual(retry(`token-${answer}`, { afterMs, all: true }))
    fake.answerGrants('granted')
    expect(await send()).toEqual(accepted)
  })

  it('of a key that Google does not know is refused', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const private_key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    start({ serviceAccount: { ...fake.options.serviceAccount, private_key } })
    expect(await send()).toEqual(retry('token-refused', { afterMs: 60_000, all: true }))
  })

  it('that does not come leaves each push its abort, and them all the time-out', async () => {
    start({ timeoutMs: 100 })
    fake.answerGrants('hang')
    const abort = new AbortController()
    const aborted = provider.send(push(), { signal: abort.signal })
    const other = send()
    await until(() => fake.grants === 1)
    abort.abort()
    expect(await aborted).toEqual(retry('aborted'))
    expect(await other).toEqual(retry('token-timeout', { all: true }))
    expect(fake.grants).toBe(1)
  })
})

test('nobody there stops all pushes until somebody is', async () => {
  await send()
  await fake.refuse()
  expect(await send()).toMatchObject({ outcome: 'retry' })
  for (let i = 0; i < 5; i++) expect(await send()).toEqual(retry('connect', { all: true }))
  await fake.resume()
  expect(await send()).toEqual(accepted)
})

test('another authority is no connection, and nothing is sent', async () => {
  start({ ca: createTestIdentity().ca })
  expect(await send()).toEqual(retry('token-connect', { all: true }))
  expect(fake.grants).toBe(0)
})

test('while one push hangs others complete, and it ends by itself', async () => {
  start({ timeoutMs: 300 })
  fake.answer(({ token }) => (token === 'silent' ? 'hang' : 'accepted'))
  const silent = send(push('message', 'silent'))
  await until(() => fake.pushes.length === 1)
  const others = await Promise.all(Array.from({ length: 40 }, () => send()))
  expect(others).toEqual(others.map(() => accepted))
  expect(await silent).toEqual(retry('timeout'))
})

test('a push whose connection broke is not sent again by itself', async () => {
  fake.answer('drop')
  expect(await send()).toEqual(retry('lost'))
  expect(fake.pushes).toHaveLength(1)
})

test('redirects are not followed, and of an endless answer the status counts', async () => {
  fake.answer('redirect')
  expect(await send()).toEqual({ outcome: 'refused', reason: 'http-307' })
  expect(fake.pushes).toHaveLength(1)
  fake.answer('endless')
  expect(await send()).toEqual(accepted)
})

test('a service account that cannot be used is refused at once, without being shown', () => {
  const account = fake.options.serviceAccount
  for (const bad of [
    { project_id: '../x' },
    { project_id: '' },
    { client_email: '' },
    { private_key: 'secret' },
    { token_uri: 'http://localhost/token' },
    { token_uri: 'secret' },
  ]) {
    const make = () => fcmProvider({ ...fake.options, serviceAccount: { ...account, ...bad } })
    expect(make).toThrow(expect.objectContaining({ name: 'ProviderConfigError' }))
    expect(make).not.toThrow(/secret/)
  }
})
