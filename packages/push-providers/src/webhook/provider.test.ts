import { addressPolicy } from '@smpkit/smp-commands/address'
import { describe, expect, it } from 'vitest'
import { pushProviderSuite } from '../conformance.js'
import { checkMessagesData } from '../notification-data.js'
import type { Push } from '../provider.js'
import type { EndpointAnswer } from '../testing/endpoint-fake.js'
import { startWebhookFake, type WebhookFake } from '../testing/webhook-fake.js'
import { type WebhookOptions, webhookProvider } from './provider.js'

const allowAddress = addressPolicy({ allow: ['127.0.0.1', '::1'] })
const signal = new AbortController().signal
const secret = Buffer.alloc(24, 1).toString('base64url')

const scripted: Record<string, EndpointAnswer> = {
  retry: { status: 500 },
  'retry-after': { status: 503, retryAfter: '7' },
  gone: { status: 410 },
  refused: { status: 422 },
}

pushProviderSuite(
  { describe, it },
  {
    name: 'webhook',
    supports: ['accepted', 'retry', 'retry-after', 'gone', 'refused', 'hang'],
    readable: true,
    async create() {
      const fake = await startWebhookFake()
      return {
        provider: webhookProvider({ allowAddress, ca: fake.ca }),
        tokens: [fake.device('1'), fake.device('2')],
        badTokens: [
          {},
          { url: 'https://hook.example/' },
          { secret },
          { url: 'http://hook.example/', secret },
          { url: 'https://192.168.1.1/', secret },
          { url: 'https://hook.example/', secret: 'short' },
          { url: 'https://hook.example/', secret: 7 },
          'https://hook.example/',
        ],
        received: () => fake.received.map(({ body }) => body),
        answer: (answer) => fake.answer(scripted[answer] ?? (answer === 'hang' ? 'hang' : 'accepted')),
        close: fake.close,
      }
    },
  },
)

async function send(
  { answer = 'accepted', ...options }: WebhookOptions & { answer?: EndpointAnswer } = {},
  ids = ['id'],
  to = (fake: WebhookFake) => fake.device('phone'),
) {
  await using fake = await startWebhookFake()
  await using provider = webhookProvider({ allowAddress, ca: fake.ca, ...options })
  fake.answer(answer)
  const token = provider.readToken(to(fake))
  const one: Push = { id: '', kind: 'check', token, registeredAt: 0, notificationData: checkMessagesData }
  const outcomes = []
  for (const id of ids) outcomes.push(await provider.send({ ...one, id }, { signal }))
  return { outcomes, received: fake.received, mistakes: fake.mistakes }
}

describe('a webhook', () => {
  it('carries the notification data as JSON, and the id of its push', async () => {
    const { received } = await send({}, ['first', 'first', 'second'])
    expect(received.map(({ id }) => id)).toEqual(['first', 'first', 'second'])
    expect(received[0]?.body).toBe('{"notificationData":{"checkMessages":true}}')
  })

  it('is signed with the time of the attempt', async () => {
    const now = Date.now() - 60_000
    const { received } = await send({ clock: () => now })
    expect(received[0]?.timestamp).toBe(String(Math.floor(now / 1000)))
  })

  it('that is signed with another secret is refused', async () => {
    const { outcomes, mistakes } = await send({}, ['id'], (fake) => ({ ...fake.device('phone'), secret }))
    expect(outcomes).toEqual([{ outcome: 'refused', reason: 'http-401' }])
    expect(mistakes).toEqual([401])
  })

  it.each([
    [{ status: 200 }, { outcome: 'accepted' }],
    [{ status: 299 }, { outcome: 'accepted' }],
    [{ status: 410 }, { outcome: 'gone', reason: 'UNREGISTERED' }],
    [{ status: 404 }, { outcome: 'refused', reason: 'http-404' }],
    [{ status: 400 }, { outcome: 'refused', reason: 'http-400' }],
    [{ status: 406 }, { outcome: 'refused', reason: 'http-406' }],
    [
      { status: 302, location: '/hook/phone' },
      { outcome: 'refused', reason: 'http-302' },
    ],
    [
      { status: 429, retryAfter: '7' },
      { outcome: 'retry', afterMs: 7000, reason: 'http-429' },
    ],
    [{ status: 502 }, { outcome: 'retry', afterMs: 0, reason: 'http-502' }],
    ['drop', { outcome: 'retry', afterMs: 0, reason: 'lost' }],
    ['half', { outcome: 'retry', afterMs: 0, reason: 'lost' }],
    ['endless', { outcome: 'accepted' }],
  ] as const)('answered with %j', async (answer, outcome) => {
    const { outcomes, received } = await send({ answer })
    expect(outcomes).toEqual([outcome])
    expect(received.length).toBe(1)
  })

  it('is not sent where the host is no public one', async () => {
    const { outcomes, received } = await send({ allowAddress: addressPolicy() })
    expect(outcomes).toEqual([{ outcome: 'refused', reason: 'address' }])
    expect(received).toEqual([])
  })
})

describe('the provider of webhooks', () => {
  it('knows a device by its URL and its secret, however they are written', () => {
    const provider = webhookProvider()
    const base64 = Buffer.from(secret, 'base64url').toString('base64')
    const text = provider.readToken({ url: 'https://HOOK.example', secret })
    expect(JSON.parse(text)).toEqual({ url: 'https://hook.example/', secret: `whsec_${base64}` })
    expect(provider.readToken({ url: 'https://hook.example:443/', secret: `whsec_${base64}` })).toBe(text)
    expect(provider.destinationOf?.(text)).toBe('https://hook.example')
  })
})
