import { describe, expect, it } from 'vitest'
import { notificationService } from './notification.js'
import { createRouter, type Handlers } from './router.js'
import { requestOf } from './testing/shop.js'
import { encodeRequest, encodeResponse, newId } from './write-message.js'

const base64url = (length: number) => Buffer.alloc(length, 0xab).toString('base64url')
const dhKey = base64url(44)
const token = { provider: 'apns_prod', token: 'ab'.repeat(32), dhKey }
const subscription = {
  server: `smp://${base64url(32)}=@smp.example.com:5223`,
  notifierId: base64url(24),
  notifierKey: base64url(48),
  token: { id: newId() },
  wait: 15,
}
const made = { resource: '/ntf/tokens/abc', dhKey, status: 'registered' } as const

const page = (data: unknown) => ({ status: 'ok', data }) as never

/** Answers with what the handler got. */
const handlers: Handlers<typeof notificationService, undefined> = {
  '/': { get: () => page({}) },
  '/ntf/subscriptions': {
    post: ({ data }) => page(data),
    get: ({ query }) => page(query),
    delete: ({ data }) => page(data),
  },
  '/ntf/subscriptions/:id': { get: ({ params }) => page(params), delete: () => ({ status: 'ok' }) },
  '/ntf/tokens': { post: ({ data }) => page(data) },
  '/ntf/tokens/:id': {
    get: ({ params }) => page(params),
    put: ({ data }) => page(data),
    delete: () => ({ status: 'ok' }),
  },
  '/ntf/tokens/:id/verification': { put: ({ data }) => page(data) },
  '/ntf/tokens/:id/periodic': { put: ({ data }) => page(data) },
}
const router = createRouter<typeof notificationService>(notificationService, handlers)
const ask = (method: string, resource: string, data?: unknown, query: Record<string, string> = {}) =>
  router.dispatch(requestOf(method, resource, { data, query }), undefined)

/** Where the issues of a refused request are. */
async function issuesOf(...request: Parameters<typeof ask>): Promise<string[]> {
  const { status, data } = await ask(...request)
  expect(status).toBe('bad_request')
  return (data as { issues: { path: string }[] }).issues.map(({ path }) => path)
}

describe('a subscription', () => {
  it.each([
    ['with an older token', subscription],
    ['with a new token', { ...subscription, token }],
    ['that waits for nothing', { ...subscription, wait: 0 }],
    ['that waits as long as usual', { ...subscription, wait: undefined }],
    ['of a list', [subscription, { ...subscription, token }]],
    ['of an empty list', []],
  ])('%s is taken', async (_, data) => {
    expect(await ask('post', '/ntf/subscriptions', data)).toEqual({ status: 'ok', data })
  })

  it.each([
    ['/server', { server: 'https://example.com' }],
    ['/server', { server: `smp://${'x'.repeat(1000)}` }],
    ['/notifierId', { notifierId: '' }],
    ['/notifierId', { notifierId: base64url(256) }],
    ['/notifierKey', { notifierKey: 'no key' }],
    ['/notifierKey', { notifierKey: base64url(32) }],
    ['/wait', { wait: 16 }],
    ['/wait', { wait: -1 }],
    ['/wait', { wait: 1.5 }],
    ['/wait', { wait: '5' }],
    ['/wait', { wait: null }],
    ['/token/provider', { token: {} }],
    ['/token', { token: 'abc' }],
    ['/token/id', { token: { id: '' } }],
    ['/token/id', { token: { id: '../abc' } }],
    ['/token/dhKey', { token: { ...token, dhKey: base64url(32) } }],
    ['/token/provider', { token: { ...token, provider: 'Apns prod' } }],
  ])('is refused because of %s', async (path, wrong) => {
    expect(await issuesOf('post', '/ntf/subscriptions', { ...subscription, ...wrong })).toContain(path)
    expect(await issuesOf('post', '/ntf/subscriptions', [subscription, { ...subscription, ...wrong }])).toContain(
      `/1${path}`,
    )
  })

  it('comes with up to 31 others', async () => {
    const sized = (length: number) => ask('post', '/ntf/subscriptions', Array(length).fill(subscription))
    expect(await sized(32)).toMatchObject({ status: 'ok' })
    expect(await sized(33)).toEqual({ status: 'too_large', data: { reason: 'list', max: 32 } })
  })

  it('is one of 32 that fit one message, also with post-quantum keys, and so do their answers', () => {
    const data = Array(32).fill(subscription)
    const request = encodeRequest({ id: newId(), method: 'post', resource: '/ntf/subscriptions', data })
    expect(request.length).toBeLessThan(13_573)
    const answer = { status: 'created', data: { resource: '/ntf/subscriptions/0123456789abcdef', status: 'active' } }
    const response = encodeResponse({ ref: newId(), status: 'ok', data: Array(32).fill(answer) })
    expect(response.length).toBeLessThan(13_573)
  })
})

describe('a token', () => {
  const webpush = { endpoint: 'https://push.example.com/x', keys: { p256dh: base64url(65), auth: base64url(16) } }
  const webhook = { url: 'https://example.com', secret: base64url(24) }

  it.each([
    ['apns_prod', 'ab'.repeat(32)],
    ['fcm', `${'x'.repeat(22)}:APA91b${'y'.repeat(134)}`],
    ['console', 'any text'],
    ['webpush', webpush],
    ['webhook', webhook],
  ])('of %s is taken', async (provider, form) => {
    const data = { provider, token: form, dhKey }
    expect(await ask('post', '/ntf/tokens', data)).toEqual({ status: 'ok', data })
    expect(await ask('put', '/ntf/tokens/abc', { provider, token: form })).toMatchObject({ status: 'ok' })
  })

  it.each([
    ['/token', ''],
    ['/token', 'x'.repeat(4097)],
    ['/token', null],
    ['/token', 5],
    ['/token', []],
    ['/token/endpoint', {}],
    ['/token/endpoint', { ...webpush, endpoint: `https://${'x'.repeat(993)}` }],
    ['/token/endpoint', { ...webpush, endpoint: 'http://push.example.com' }],
    ['/token/keys', { ...webpush, keys: undefined }],
    ['/token/keys/p256dh', { ...webpush, keys: { ...webpush.keys, p256dh: base64url(64) } }],
    ['/token/keys/auth', { ...webpush, keys: { ...webpush.keys, auth: base64url(15) } }],
    ['/token/secret', { ...webhook, secret: 'short' }],
    ['/token/url', { ...webhook, url: 'ftp://example.com' }],
  ])('is refused because of %s', async (path, form) => {
    const issues = await issuesOf('post', '/ntf/tokens', { ...token, token: form })
    expect(issues.some((issue) => issue.startsWith(path))).toBe(true)
  })

  it('is verified by a code in base64url', async () => {
    expect(await ask('put', '/ntf/tokens/abc/verification', { code: base64url(32) })).toMatchObject({ status: 'ok' })
    expect(await issuesOf('put', '/ntf/tokens/abc/verification', { code: 'a code' })).toEqual(['/code'])
    expect(await issuesOf('put', '/ntf/tokens/abc/verification')).toEqual([''])
  })

  it.each([0, 20, 21, 65_535])('has periodic pushes every %s minutes', async (minutes) => {
    expect(await ask('put', '/ntf/tokens/abc/periodic', { minutes })).toMatchObject({ status: 'ok', data: { minutes } })
  })

  it.each([1, 19, -1, 65_536, 20.5, '20', null])('has none every %s minutes', async (minutes) => {
    expect(await issuesOf('put', '/ntf/tokens/abc/periodic', { minutes })).toEqual(['/minutes'])
  })
})

describe('subscriptions are listed', () => {
  it('by texts of the query, which are read', async () => {
    expect(await ask('get', '/ntf/subscriptions')).toEqual({ status: 'ok', data: {} })
    const query = { status: 'active', since: '1700000000', after: 'abc', limit: '64', more: 'x' }
    expect(await ask('get', '/ntf/subscriptions', undefined, query)).toEqual({
      status: 'ok',
      data: { status: 'active', since: 1_700_000_000, after: 'abc', limit: 64 },
    })
  })

  it.each([
    ['/status', { status: 'sleepy' }],
    ['/since', { since: 'yesterday' }],
    ['/after', { after: 'a/b' }],
    ['/limit', { limit: '0' }],
    ['/limit', { limit: '65' }],
  ])('but not with a wrong %s', async (path, query) => {
    expect(await issuesOf('get', '/ntf/subscriptions', undefined, query)).toEqual([path])
  })

  it('in pages that fit one message', () => {
    const item = {
      id: '0123456789abcdef01234567',
      status: 'inactive',
      reason: 'x'.repeat(90),
      updatedAt: 1_700_000_000,
    }
    const response = encodeResponse({
      ref: newId(),
      status: 'ok',
      data: { items: Array(64).fill(item), next: item.id },
    })
    expect(response.length).toBeLessThan(13_573)
  })
})

it('subscriptions are deleted by up to 64 ids', async () => {
  const sized = (length: number) => ask('delete', '/ntf/subscriptions', Array(length).fill('abc'))
  expect(await sized(64)).toMatchObject({ status: 'ok' })
  expect(await sized(65)).toEqual({ status: 'too_large', data: { reason: 'list', max: 64 } })
  expect(await issuesOf('delete', '/ntf/subscriptions', ['abc', 5])).toEqual(['/1'])
  expect(await issuesOf('delete', '/ntf/subscriptions', 'abc')).toEqual([''])
})

describe('answers', () => {
  const check = (schema: { '~standard': { validate: (value: unknown) => unknown } } | null, value: unknown) =>
    schema?.['~standard'].validate(value)

  it.each([
    [
      'of the service',
      notificationService['/'].get.answers.ok,
      {
        service: 'ntf',
        versions: [1],
        providers: [
          { name: 'webpush', vapidKey: base64url(65) },
          { name: 'apns_prod', topic: 'chat.example' },
          { name: 'fcm', projectId: 'p' },
        ],
        limits: { batch: 32, tokens: 4, subscriptions: 5000 },
      },
    ],
    ['of a new token', notificationService['/ntf/tokens'].post.answers.created, made],
    [
      'of a token',
      notificationService['/ntf/tokens/:id'].get.answers.ok,
      {
        status: 'invalid',
        reason: 'Unregistered',
        updatedAt: 1_700_000_000,
        subscriptions: { count: 0, hash: base64url(32) },
      },
    ],
    [
      'of a subscription',
      notificationService['/ntf/subscriptions'].post.answers.created,
      {
        resource: '/ntf/subscriptions/abc',
        status: 'active',
        token: made,
      },
    ],
    [
      'of several',
      notificationService['/ntf/subscriptions'].post.answers.ok,
      [
        { status: 'created', data: { resource: '/ntf/subscriptions/abc', status: 'active' } },
        { status: 'conflict', data: { reason: 'taken' } },
      ],
    ],
  ] as const)('%s are read, also with fields of later versions', (_, schema, value) => {
    expect(check(schema, value)).toEqual({ value })
    const later = Array.isArray(value) ? value.map((item) => ({ ...item, later: 1 })) : { ...value, later: 1 }
    expect(check(schema, later)).toEqual({ value })
    expect(check(schema, 'text')).toHaveProperty('issues')
  })
})
