import { addressPolicy } from '@smpkit/smp-commands/address'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { guardedHttps } from '../guarded-https.js'
import { readWebhookSecret, signWebhook } from '../webhook/signature.js'
import { startWebhookFake, type WebhookFake } from './webhook-fake.js'

const body = '{"notificationData":{"checkMessages":true}}'
let fake: WebhookFake
beforeAll(async () => {
  fake = await startWebhookFake()
})
afterAll(() => fake.close())

/** The status that is answered to a webhook which is right but for these changes. */
async function statusOf(changes: { url?: string; secret?: string; now?: number; type?: string; sent?: string } = {}) {
  const { url, secret, now, type, sent } = {
    ...fake.device('phone'),
    now: Date.now(),
    type: 'application/json',
    ...changes,
  }
  const signature = await signWebhook(readWebhookSecret(secret), { id: 'id', body, now })
  const https = guardedHttps({ ca: fake.ca, allowAddress: addressPolicy({ allow: ['127.0.0.1', '::1'] }) })
  const message = { headers: { ...signature, 'content-type': type }, body: sent ?? body }
  const reply = await https.post(new URL(url), message, { signal: new AbortController().signal, timeoutMs: 5000 })
  https.close()
  return 'status' in reply ? reply.status : reply
}

test('a webhook of its sender is taken', async () => {
  expect(await statusOf()).toBe(204)
  expect(fake.received.at(-1)).toMatchObject({ device: 'phone', id: 'id', body })
})

test('mistakes are found', async () => {
  const before = fake.received.length
  expect(await statusOf({ url: `${fake.origin}/hook/other` })).toBe(404)
  expect(await statusOf({ type: 'text/plain' })).toBe(415)
  expect(await statusOf({ secret: fake.device('other').secret })).toBe(401)
  expect(await statusOf({ now: Date.now() - 3_600_000 })).toBe(401)
  expect(await statusOf({ sent: `${body} ` })).toBe(401)
  expect(fake.received.length).toBe(before)
  expect(fake.mistakes).toEqual([404, 415, 401, 401, 401])
})
