import { addressPolicy } from '@smpkit/smp-commands/address'
import { describe, expect, it } from 'vitest'
import { pushProviderSuite } from '../conformance.js'
import { DeviceTokenError, ProviderConfigError } from '../errors.js'
import { checkMessagesData, messageData, type PushKind, verificationData } from '../notification-data.js'
import type { Push } from '../provider.js'
import type { EndpointAnswer } from '../testing/endpoint-fake.js'
import { startWebPushFake, type WebPushFake } from '../testing/webpush-fake.js'
import { generateVapidKeys } from './keys.js'
import { type WebPushOptions, webPushProvider } from './provider.js'

const keys = generateVapidKeys()
const vapid = { ...keys, subject: 'mailto:operator@example.org' }
const allowAddress = addressPolicy({ allow: ['127.0.0.1', '::1'] })
const signal = new AbortController().signal
const secret = new Uint8Array(32).fill(1)

const p256dh = 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'
const auth = 'BTBZMqHH6r4Tts7J_aSIgg'
const token = { endpoint: 'https://push.example/1', keys: { p256dh, auth } }

const scripted: Record<string, EndpointAnswer> = {
  retry: { status: 503 },
  'retry-after': { status: 429, retryAfter: '7' },
  gone: { status: 410 },
  refused: { status: 403 },
}

pushProviderSuite(
  { describe, it },
  {
    name: 'webpush',
    supports: ['accepted', 'retry', 'retry-after', 'gone', 'refused', 'hang'],
    readable: true,
    async create() {
      const fake = await startWebPushFake()
      return {
        provider: webPushProvider({ vapid, allowAddress, ca: fake.ca }),
        tokens: [fake.device('1', keys.publicKey), fake.device('2')],
        badTokens: [
          {},
          { ...token, endpoint: 'http://push.example/1' },
          { ...token, endpoint: 'https://10.0.0.1/' },
          { ...token, endpoint: undefined },
          { endpoint: token.endpoint },
          { ...token, keys: { p256dh } },
          { ...token, keys: { p256dh: auth, auth } },
          JSON.stringify({ ...token, keys: null }),
          'https://push.example/1',
        ],
        received: () => fake.received.map(({ body }) => body),
        answer: (answer) => fake.answer(scripted[answer] ?? (answer === 'hang' ? 'hang' : 'accepted')),
        close: fake.close,
      }
    },
  },
)

/** Sends one push to a fake that answers so. */
async function push(
  kind: PushKind,
  { answer = 'accepted', ...options }: Partial<WebPushOptions> & { answer?: EndpointAnswer } = {},
  to = (fake: WebPushFake) => fake.device('phone'),
) {
  await using fake = await startWebPushFake()
  await using provider = webPushProvider({ vapid, allowAddress, ca: fake.ca, ...options })
  fake.answer(answer)
  const data = {
    verification: () => verificationData(secret, new Uint8Array(32)),
    message: () => messageData(secret, 'items'),
    check: () => checkMessagesData,
  }
  const one: Push = {
    id: 'id',
    kind,
    token: provider.readToken(to(fake)),
    registeredAt: 0,
    notificationData: data[kind](),
  }
  const outcome = await provider.send(one, { signal })
  const { received, mistakes } = fake
  return { outcome, received, mistakes, notificationData: one.notificationData }
}

describe('a web push', () => {
  it.each(['verification', 'message'] as const)('of a %s is urgent', async (kind) => {
    const { received, notificationData } = await push(kind)
    expect(received).toMatchObject([{ device: 'phone', ttl: 604_800, urgency: 'high', topic: undefined }])
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({ notificationData })
    expect(received[0]?.encrypted.length).toBeLessThanOrEqual(4096)
  })

  it('that only says to check replaces the one before', async () => {
    const { received } = await push('check', { ttl: 60 })
    expect(received).toMatchObject([{ ttl: 60, urgency: 'normal', topic: 'check' }])
    expect(received[0]?.body).toBe('{"notificationData":{"checkMessages":true}}')
  })

  it.each([
    [{ status: 200 }, { outcome: 'accepted' }],
    [{ status: 202 }, { outcome: 'accepted' }],
    [{ status: 404 }, { outcome: 'gone', reason: 'UNREGISTERED' }],
    [{ status: 410 }, { outcome: 'gone', reason: 'EXPIRED' }],
    [{ status: 400 }, { outcome: 'refused', reason: 'http-400' }],
    [{ status: 401 }, { outcome: 'refused', reason: 'http-401' }],
    [{ status: 403 }, { outcome: 'refused', reason: 'http-403' }],
    [{ status: 413 }, { outcome: 'refused', reason: 'http-413' }],
    [
      { status: 301, location: 'https://localhost/' },
      { outcome: 'refused', reason: 'http-301' },
    ],
    [
      { status: 307, location: '/push/phone' },
      { outcome: 'refused', reason: 'http-307' },
    ],
    [
      { status: 406, retryAfter: '7' },
      { outcome: 'retry', afterMs: 7000, reason: 'http-406' },
    ],
    [
      { status: 429, retryAfter: '7' },
      { outcome: 'retry', afterMs: 7000, reason: 'http-429' },
    ],
    [{ status: 429 }, { outcome: 'retry', afterMs: 0, reason: 'http-429' }],
    [{ status: 500 }, { outcome: 'retry', afterMs: 0, reason: 'http-500' }],
    [
      { status: 503, retryAfter: '60' },
      { outcome: 'retry', afterMs: 60_000, reason: 'http-503' },
    ],
    ['drop', { outcome: 'retry', afterMs: 0, reason: 'lost' }],
    ['half', { outcome: 'retry', afterMs: 0, reason: 'lost' }],
    ['endless', { outcome: 'accepted' }],
  ] as const)('answered with %j', async (answer, outcome) => {
    const result = await push('message', { answer })
    expect(result.outcome).toEqual(outcome)
    expect(result.received.length).toBe(1)
  })

  it.each(['hang', 'trickle'] as const)('answered with %j ends with the time-out', async (answer) => {
    const { outcome } = await push('message', { answer, timeout: 100 })
    expect(outcome).toMatchObject({ outcome: 'retry', reason: 'timeout' })
  })

  it('is not sent where the host is no public one, or nobody is there', async () => {
    const resolved = { allowAddress: addressPolicy() }
    const inside = await push('message', resolved)
    expect(inside).toMatchObject({ outcome: { outcome: 'refused', reason: 'address' }, received: [] })
    const { outcome } = await push('message', { lookup: () => Promise.reject(new Error('unknown')) })
    expect(outcome).toEqual({ outcome: 'retry', afterMs: 0, reason: 'connect', all: true })
  })

  it('is refused where the device subscribed for another key', async () => {
    const { outcome, mistakes } = await push('message', {}, (fake) => fake.device('x', generateVapidKeys().publicKey))
    expect(outcome).toEqual({ outcome: 'refused', reason: 'http-403' })
    expect(mistakes).toEqual([403])
  })

  it('to a device that has gone says so', async () => {
    const to = (fake: WebPushFake) => ({ ...fake.device('x'), endpoint: `${fake.origin}/push/unknown` })
    expect((await push('message', {}, to)).outcome).toEqual({ outcome: 'gone', reason: 'UNREGISTERED' })
  })

  it('has a fresh signature when the one before would have ended', async () => {
    let now = Date.now()
    await using fake = await startWebPushFake({ clock: () => now })
    await using provider = webPushProvider({ vapid, allowAddress, ca: fake.ca, clock: () => now })
    const one: Push = {
      id: 'id',
      kind: 'check',
      token: provider.readToken(fake.device('phone')),
      registeredAt: 0,
      notificationData: checkMessagesData,
    }
    for (const hours of [0, 1, 24]) {
      now += hours * 3_600_000
      expect(await provider.send(one, { signal })).toEqual({ outcome: 'accepted' })
    }
    const [first, second, third] = fake.received.map(({ authorization }) => authorization)
    expect(second).toBe(first)
    expect(third).not.toBe(first)
  })
})

describe('the provider of web pushes', () => {
  it('takes the subscription of a browser, and UnifiedPush’s endpoint with its keys', () => {
    const provider = webPushProvider({ vapid })
    const text = JSON.stringify(token)
    expect(provider.readToken({ ...token, expirationTime: null })).toBe(text)
    const keys = { p256dh: `${p256dh}=`, auth: `${auth}==` }
    expect(provider.readToken({ endpoint: 'https://PUSH.example:443/1', keys })).toBe(text)
    expect(provider.destinationOf?.(text)).toBe('https://push.example')
  })

  it('refuses a token that it did not read, without an error', async () => {
    await using provider = webPushProvider({ vapid })
    const one = { id: 'id', kind: 'check', registeredAt: 0, notificationData: checkMessagesData } as const
    expect(await provider.send({ ...one, token: 'none' }, { signal })).toEqual({ outcome: 'refused', reason: 'token' })
  })

  it('shows no part of a token in an error', () => {
    const provider = webPushProvider({ vapid })
    for (const bad of [
      { ...token, endpoint: 'http://secret' },
      { ...token, keys: { p256dh, auth: 'secret' } },
    ]) {
      expect(() => provider.readToken(bad)).toThrow(DeviceTokenError)
      expect(() => provider.readToken(bad)).not.toThrow(/secret|BCVx/)
    }
  })

  it.each([
    { vapid: { ...vapid, privateKey: 'x' } },
    { vapid: { ...vapid, subject: 'x' } },
    { vapid, ttl: -1 },
    { vapid, ttl: 1.5 },
  ])('is not made of what cannot work', (options) =>
    expect(() => webPushProvider(options)).toThrow(ProviderConfigError),
  )
})
