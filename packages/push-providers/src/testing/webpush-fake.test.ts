import { addressPolicy } from '@smpkit/smp-commands/address'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { guardedHttps } from '../guarded-https.js'
import { encryptWebPush } from '../webpush/encryption.js'
import { generateVapidKeys, readPublicKeys } from '../webpush/keys.js'
import { vapidAuthorization } from '../webpush/vapid.js'
import { startWebPushFake, type WebPushFake } from './webpush-fake.js'

const vapid = { ...generateVapidKeys(), subject: 'https://example.org' }
let fake: WebPushFake

beforeAll(async () => {
  fake = await startWebPushFake()
})
afterAll(() => fake.close())

/** The status that the push service answers to a push which is right but for these changes. */
async function statusOf(
  changes: Record<string, string | undefined>,
  {
    origin = fake.origin,
    content = new Uint8Array(10),
    body,
    clock = Date.now,
    key = vapid.publicKey,
  }: {
    origin?: string
    content?: Uint8Array
    body?: Uint8Array
    clock?: () => number
    key?: string
  } = {},
) {
  const { endpoint, keys } = fake.device('phone', vapid.publicKey)
  const authorization = (await vapidAuthorization(vapid, clock)(origin)).replace(vapid.publicKey, key)
  const right = { authorization, ttl: '60', 'content-encoding': 'aes128gcm' }
  const headers = Object.entries({ ...right, ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  const https = guardedHttps({ ca: fake.ca, allowAddress: addressPolicy({ allow: ['127.0.0.1', '::1'] }) })
  const result = await https.post(
    new URL(endpoint),
    { headers: Object.fromEntries(headers), body: body ?? encryptWebPush(content, readPublicKeys(keys)) },
    { signal: new AbortController().signal, timeoutMs: 5000 },
  )
  https.close()
  return 'failed' in result ? result.failed : result.status
}

test('a push without mistakes is created', async () => expect(await statusOf({})).toBe(201))

test.each([
  [401, { authorization: undefined }],
  [401, { authorization: 'Bearer x' }],
  [403, { authorization: `vapid t=a.b.c, k=${vapid.publicKey}` }],
  [400, { ttl: undefined }],
  [400, { ttl: '-1' }],
  [400, { 'content-encoding': 'aesgcm' }],
  [400, { urgency: 'urgent' }],
  [400, { topic: 'x'.repeat(33) }],
  [201, { urgency: 'low', topic: 'x'.repeat(32) }],
] as const)('%i for %j', async (status, changes) => expect(await statusOf(changes)).toBe(status))

test('403 for another origin, for the past and for the far future', async () => {
  expect(await statusOf({}, { origin: 'https://push.example' })).toBe(403)
  expect(await statusOf({}, { clock: () => Date.now() - 13 * 3_600_000 })).toBe(403)
  expect(await statusOf({}, { clock: () => Date.now() + 13 * 3_600_000 })).toBe(403)
})

test('403 for another key', async () => {
  expect(await statusOf({}, { key: generateVapidKeys().publicKey })).toBe(403)
})

test('413 and 400 for a body that is too long, or that the device cannot read', async () => {
  expect(await statusOf({}, { body: new Uint8Array(4097) })).toBe(413)
  expect(await statusOf({}, { body: new Uint8Array(200) })).toBe(400)
})
