import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DeviceTokenError } from '../errors.js'
import { readWebhookSecret, signWebhook, verifyWebhook, writeWebhookSecret } from './signature.js'

// The example of the specification of Standard Webhooks and of its libraries.
const example = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  body: '{"test": 2432232314}',
  now: 1_614_265_330_000,
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
}
const headers = {
  'webhook-id': example.id,
  'webhook-timestamp': '1614265330',
  'webhook-signature': example.signature,
}
const verify = (
  changes: Record<string, string | string[] | undefined> = {},
  body: string | Uint8Array = example.body,
) => verifyWebhook({ ...headers, ...changes }, body, example.secret, { now: example.now })

describe('a signed webhook', () => {
  it('is that of the specification', async () => {
    const { id, body, now } = example
    expect(await signWebhook(readWebhookSecret(example.secret), { id, body, now })).toEqual(headers)
    expect(await verify()).toBe(true)
    expect(await verify({}, new TextEncoder().encode(body))).toBe(true)
  })

  it('is verified whatever it holds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme' }),
        fc.uint8Array({ minLength: 24, maxLength: 64 }),
        async (body, bytes) => {
          const secret = Buffer.from(bytes).toString('base64url')
          const signed = await signWebhook(bytes, { id: 'id', body, now: 5 })
          expect(await verifyWebhook(signed, body, secret, { now: 5 })).toBe(true)
          expect(await verifyWebhook(signed, `${body}x`, secret, { now: 5 })).toBe(false)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('may have several signatures, also of versions that we do not know', async () => {
    const other = 'v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
    expect(await verify({ 'webhook-signature': `v1a,abc ${other} ${example.signature}` })).toBe(true)
    expect(await verify({ 'webhook-signature': `${`${other} `.repeat(8)}${example.signature}` })).toBe(false)
  })

  const signature = example.signature
  it.each([
    ['without an id', { 'webhook-id': undefined }],
    ['without a time', { 'webhook-timestamp': undefined }],
    ['without a signature', { 'webhook-signature': undefined }],
    ['with an empty signature', { 'webhook-signature': '' }],
    ['with two ids', { 'webhook-id': ['a', 'b'] }],
    ['with another id', { 'webhook-id': 'msg_other' }],
    ['with another time', { 'webhook-timestamp': '1614265331' }],
    ['with no number as time', { 'webhook-timestamp': '1614265330.0' }],
    ['with an empty time', { 'webhook-timestamp': '' }],
    ['with another version', { 'webhook-signature': signature.replace('v1', 'v2') }],
    ['with another signature', { 'webhook-signature': signature.replace('g0', 'g1') }],
    ['with half a signature', { 'webhook-signature': signature.slice(0, 23) }],
    ['with base64url', { 'webhook-signature': signature.replace('+', '-').replace('/', '_') }],
    ['without the version', { 'webhook-signature': signature.slice(3) }],
  ])('is refused %s', async (_, changes) => expect(await verify(changes)).toBe(false))

  it('is refused with another body', async () => {
    expect(await verify({}, example.body.replace('4', '5'))).toBe(false)
    expect(await verify({}, Uint8Array.of(0xff))).toBe(false)
  })

  it('is refused where it is five minutes older or newer', async () => {
    const at = (ms: number) => verifyWebhook(headers, example.body, example.secret, { now: example.now + ms })
    expect(await at(300_000)).toBe(true)
    expect(await at(-300_000)).toBe(true)
    expect(await at(300_001)).toBe(false)
    expect(await at(-300_001)).toBe(false)
    const wide = { now: example.now + 300_001, tolerance: 300_001 }
    expect(await verifyWebhook(headers, example.body, example.secret, wide)).toBe(true)
    expect(await verifyWebhook(headers, example.body, example.secret)).toBe(false)
  })

  it('is not checked with what is no secret', async () => {
    await expect(verifyWebhook(headers, example.body, 'secret')).rejects.toThrow(DeviceTokenError)
  })
})

describe('a secret', () => {
  const bytes = Uint8Array.from({ length: 25 }, (_, i) => 250 - i)
  const base64 = Buffer.from(bytes).toString('base64')
  const base64url = Buffer.from(bytes).toString('base64url')

  it('is base64url, or base64 after whsec_', () => {
    for (const text of [base64url, `${base64url}==`, `whsec_${base64}`, `whsec_${base64.replace(/=+$/, '')}`]) {
      expect(readWebhookSecret(text)).toEqual(bytes)
    }
  })

  it('is written so that it is read again, whatever its bytes look like', () => {
    const misleading = new Uint8Array(Buffer.from(`whsec_${'A'.repeat(30)}`, 'base64url'))
    for (const secret of [bytes, misleading]) expect(readWebhookSecret(writeWebhookSecret(secret))).toEqual(secret)
  })

  it.each([
    undefined,
    null,
    24,
    {},
    '',
    'whsec_',
    base64,
    `whsec_${base64url}`,
    Buffer.alloc(23).toString('base64url'),
    Buffer.alloc(65).toString('base64url'),
    `whsec_${Buffer.alloc(65).toString('base64')}`,
  ])('is not %j', (text) => expect(() => readWebhookSecret(text)).toThrow(DeviceTokenError))
})
