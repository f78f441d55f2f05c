import { describe, expect, it, test } from 'vitest'
import { pushProviderSuite } from '../conformance.js'
import { type ApnsAnswer, startApnsFake } from '../testing/apns-fake.js'
import { push, retry, start, tokens, until } from '../testing/apns-sending.js'
import { type ApnsOptions, apnsProvider } from './provider.js'

const answers: Record<string, ApnsAnswer> = {
  accepted: 'accepted',
  retry: { status: 503, reason: 'ServiceUnavailable' },
  'retry-after': { status: 429, reason: 'TooManyRequests', retryAfter: '7' },
  gone: { status: 410, reason: 'Unregistered' },
  refused: { status: 400, reason: 'BadTopic' },
  hang: 'hang',
}

pushProviderSuite(
  { describe, it },
  {
    name: 'apns',
    supports: ['accepted', 'retry', 'retry-after', 'gone', 'refused', 'hang'],
    readable: true,
    async create() {
      const fake = await startApnsFake()
      return {
        provider: apnsProvider({ name: 'apns_prod', ...fake.options }),
        tokens,
        badTokens: ['ab'.repeat(31), 'ab'.repeat(101), 'AB'.repeat(32), `${'ab'.repeat(32)}a`, `../${'ab'.repeat(32)}`],
        received: () => fake.pushes.map(({ body }) => body),
        answer: (answer) => fake.answer(answers[answer] ?? 'accepted'),
        close: fake.close,
      }
    },
  },
)

pushProviderSuite(
  { describe, it },
  {
    name: 'apns_test',
    supports: ['accepted', 'hang'],
    readable: true,
    async create() {
      const fake = await startApnsFake()
      return {
        provider: apnsProvider({ name: 'apns_test', ...fake.options }),
        tokens: ['xyzw', '../../3/device/a?b#c%2e'],
        badTokens: ['..', 'a\n', 'z'.repeat(256)],
        received: () => fake.pushes.map(({ body }) => body),
        answer: (answer) => fake.answer(answers[answer] ?? 'accepted'),
        close: fake.close,
      }
    },
  },
)

test('W11: topic, team, key, host, port and authority are those that it is given', async () => {
  const { fake, send } = await start({}, { topic: 'org.example.app' })
  expect(await send()).toEqual({ outcome: 'accepted' })
  expect(fake.pushes[0]?.headers['apns-topic']).toBe('org.example.app')
})

test('the request is that of spec 21 A4', async () => {
  const { fake, send } = await start()
  await send()
  await send({ ...push('check'), notificationData: { checkMessages: true } })
  expect(fake.pushes).toMatchObject([
    { token: tokens[0], pushType: 'alert', priority: undefined },
    { token: tokens[0], pushType: 'background', priority: '5' },
  ])
  expect(fake.pushes[1]?.body).toBe('{"aps":{"content-available":1},"notificationData":{"checkMessages":true}}')
  expect(fake.connections).toEqual({ made: 1, open: 1 })
})

test('W2: pushes go on after any number of failed connections', async () => {
  const { fake, send } = await start()
  await fake.refuse()
  for (let i = 0; i < 5; i++) expect(await send()).toEqual(retry('connect', { all: true }))
  await fake.resume()
  expect(await send()).toEqual({ outcome: 'accepted' })
})

test('W21: the 503 and the 429 of one device leave the connection to the others, and a silent push ends by itself', async () => {
  const { fake, send } = await start({ timeouts: { request: 100 } })
  fake.answer(({ token }) => (token === tokens[0] ? { status: 503, reason: 'ServiceUnavailable' } : 'accepted'))
  expect(await send()).toEqual(retry('ServiceUnavailable'))
  fake.answer(({ token }) => (token === tokens[0] ? { status: 429, retryAfter: '30' } : 'accepted'))
  expect(await send()).toEqual({ outcome: 'retry', afterMs: 30_000, reason: 'http-429' })
  fake.answer(({ token }) => (token === tokens[0] ? 'hang' : 'accepted'))
  const silent = send()
  expect(await send(push('message', tokens[1]))).toEqual({ outcome: 'accepted' })
  expect(fake.connections.made).toBe(1)
  expect(await silent).toEqual(retry('timeout'))
})

test('while one push hangs others complete', async () => {
  const { fake, provider, send } = await start()
  fake.answer(({ token }) => (token === tokens[0] ? 'hang' : 'accepted'))
  const hanging = send()
  await until(() => fake.pushes.length === 1)
  const accepted = await Promise.all(Array.from({ length: 300 }, () => send(push('message', tokens[1]))))
  expect(accepted).toEqual(accepted.map(() => ({ outcome: 'accepted' })))
  await provider.close()
  expect(await hanging).toEqual(retry('closed'))
})

test('what cannot work is refused at once', async () => {
  const { fake } = await start()
  const { options } = fake
  const make = (more: Partial<ApnsOptions>) => () => apnsProvider({ name: 'apns_test', ...options, ...more })
  const config = expect.objectContaining({ name: 'ProviderConfigError' })
  expect(make({ key: 'no key' })).toThrow(config)
  expect(make({ topic: '' })).toThrow(config)
  expect(make({ keyId: 'a b' })).toThrow(config)
  expect(make({ host: 'a b' })).toThrow(config)
  expect(make({ port: 99_999 })).toThrow(config)
  expect(make({ ca: 'no certificate' })).toThrow(config)
  const { host: _, ...noHost } = options
  expect(() => apnsProvider({ name: 'apns_test', ...noHost })).toThrow('expected the host of apns_test')
  expect(() => apnsProvider({ ...noHost, name: 'apns_dev' })).not.toThrow()
})
