import { request } from 'node:https'
import { NotificationClientError } from '@smpkit/notification-client'
import { signWebhook } from '@smpkit/push-providers/payload'
import { encryptWebPush } from '@smpkit/push-providers/webpush'
import { describe, expect, it } from 'vitest'
import { createEndpointIdentity } from './endpoint-identity.js'
import { deviceOf, newPushKeys, openPushEndpoint, type PushKeys } from './push-endpoint.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const good = '{"notificationData":{"checkMessages":true}}'

/** Gives the status of each request. */
async function push(
  keys: PushKeys,
  requests: readonly { path?: string; method?: string; headers?: Record<string, string>; body: string | Uint8Array }[],
  onPush: (data: unknown) => Promise<void> = async () => {},
) {
  const identity = createEndpointIdentity('localhost')
  const endpoint = await openPushEndpoint({ host: '127.0.0.1', port: 0, identity, keys, onPush })
  const send = ({ path = keys.path, method = 'POST', headers, body }: (typeof requests)[number]) =>
    new Promise<number | undefined>((resolve, reject) => {
      const { port } = endpoint
      const options = {
        host: 'localhost',
        port,
        path,
        method,
        agent: false,
        ca: identity.ca ?? '',
        ...(headers && { headers }),
      }
      const sent = request(options, (response) => resolve(response.resume().statusCode))
      sent.on('error', reject)
      sent.end(body)
    })
  try {
    const statuses = []
    for (const one of requests) statuses.push(await send(one))
    return statuses
  } finally {
    await endpoint.close()
  }
}

async function webhook(body: string, secret: string) {
  const signed = await signWebhook(Buffer.from(secret, 'base64url'), { id: 'id', body, now: Date.now() })
  return { headers: signed, body }
}

describe('the endpoint for pushes', () => {
  it('takes webhooks of who knows the secret, and no others', async () => {
    const keys = newPushKeys('webhook')
    if (keys.provider !== 'webhook') throw new Error('expected a webhook')
    const taken: unknown[] = []
    const right = await webhook(good, keys.secret)
    const requests = [
      right,
      { ...right, body: good.replace('true', 'null') },
      await webhook(good, Buffer.alloc(24).toString('base64url')),
      await webhook('{"other":1}', keys.secret),
      await webhook('null', keys.secret),
      await webhook('[', keys.secret),
      await webhook('x'.repeat(8193), keys.secret),
      { ...right, path: '/push/other' },
      { ...right, path: `${keys.path}/` },
      { ...right, method: 'PUT' },
      { body: good },
    ]
    const statuses = await push(keys, requests, async (data) => void taken.push(data))
    expect(statuses).toEqual([201, 401, 401, 400, 400, 400, 413, 404, 404, 405, 401])
    expect(taken).toEqual([{ checkMessages: true }])
  })

  it('takes Web Push that was encrypted for it, and no other', async () => {
    const [keys, others] = [newPushKeys('webpush'), newPushKeys('webpush')]
    if (keys.provider !== 'webpush' || others.provider !== 'webpush') throw new Error('expected Web Push')
    const encrypted = (text: string, { p256dh, auth } = keys.keys) => {
      const read = (key: string) => new Uint8Array(Buffer.from(key, 'base64url'))
      return { body: encryptWebPush(bytes(text), { p256dh: read(p256dh), auth: read(auth) }) }
    }
    const taken: unknown[] = []
    const requests = [encrypted(good), encrypted(good, others.keys), { body: good }, { body: '' }, encrypted('{}')]
    const statuses = await push(keys, requests, async (data) => void taken.push(data))
    expect(statuses).toEqual([201, 401, 401, 401, 400])
    expect(taken).toEqual([{ checkMessages: true }])
  })

  it('lets a push come again that could not be dealt with, unless it is for another device', async () => {
    const keys = newPushKeys('webhook')
    if (keys.provider !== 'webhook') throw new Error('expected a webhook')
    const one = await webhook(good, keys.secret)
    const failures = [new Error('the database is away'), new NotificationClientError('PUSH', 'expected another one')]
    const statuses = await push(keys, [one, one, one], async () => {
      const failure = failures.shift()
      if (failure) throw failure
    })
    expect(statuses).toEqual([503, 400, 201])
  })

  it('gives the notification server what it needs to push, and not what reads pushes', () => {
    const [one, other] = [newPushKeys('webpush'), newPushKeys('webpush')]
    const device = deviceOf(one, 'https://alice.example:1')
    expect(device).toMatchObject({ provider: 'webpush', token: { endpoint: `https://alice.example:1${one.path}` } })
    expect(JSON.stringify(device)).not.toContain('privateKey')
    expect(one.path).not.toBe(other.path)
    expect(deviceOf(newPushKeys('webhook'), 'https://a')).toMatchObject({ token: { url: expect.any(String) } })
  })
})
