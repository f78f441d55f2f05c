import { afterEach, describe, expect, it, test } from 'vitest'
import { pushProviderSuite } from '../conformance.js'
import type { PushKind } from '../notification-data.js'
import type { Push, PushOutcome, PushProvider } from '../provider.js'
import { type ApnsAnswer, type ApnsFake, type ApnsFakeOptions, startApnsFake } from '../testing/apns-fake.js'
import { createTestIdentity } from '../testing/authority.js'
import { type ApnsOptions, apnsProvider } from './provider.js'

const tokens = ['ab'.repeat(32), 'cd'.repeat(32)] as const
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
        provider: apnsProvider({ name: 'apns_test', ...fake.options }),
        tokens,
        badTokens: ['ab'.repeat(31), 'ab'.repeat(101), 'AB'.repeat(32), `${'ab'.repeat(32)}a`, `../${'ab'.repeat(32)}`],
        received: () => fake.pushes.map(({ body }) => body),
        answer: (answer) => fake.answer(answers[answer] ?? 'accepted'),
        close: fake.close,
      }
    },
  },
)

let fake: ApnsFake
let provider: PushProvider
afterEach(async () => {
  await provider?.close()
  await fake?.close()
})

async function start(options: Partial<ApnsOptions> = {}, fakeOptions: ApnsFakeOptions = {}) {
  fake = await startApnsFake(fakeOptions)
  provider = apnsProvider({ name: 'apns_test', ...fake.options, ...options })
}

const registeredAt = Date.parse('2026-06-01')
const push = (kind: PushKind = 'message', token: string = tokens[0]): Push => ({
  id: 'id',
  kind,
  token,
  registeredAt,
  notificationData: { nonce: 'n'.repeat(32), message: 'm'.repeat(3904) },
})
const send = (p: Push = push()) => provider.send(p, { signal: new AbortController().signal })
const retry = (reason: string, more: object = {}) => ({ outcome: 'retry', afterMs: 0, reason, ...more })
/** As the outbox does, which never gives up a push that may be sent again. */
async function sendUntilKnown(p: Push): Promise<PushOutcome> {
  for (;;) {
    const outcome = await send(p)
    if (outcome.outcome !== 'retry') return outcome
  }
}
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

test('the request is that of spec 21 A4', async () => {
  await start()
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
  await start()
  await fake.refuse()
  for (let i = 0; i < 5; i++) expect(await send()).toEqual(retry('connect', { all: true }))
  await fake.resume()
  expect(await send()).toEqual({ outcome: 'accepted' })
})

test('W5: more connections are made when the streams of one do not suffice', async () => {
  await start({ maxConnections: 3 }, { settings: { maxConcurrentStreams: 2 } })
  fake.answer('hang')
  const sent = Array.from({ length: 6 }, () => send())
  await until(() => fake.pushes.length === 6)
  expect(fake.connections.open).toBe(3)
  expect(provider.maxConcurrent).toBe(6)
  await provider.close()
  expect(await Promise.all(sent)).toEqual(sent.map(() => retry('closed')))
})

test('W21: the 503 and the 429 of one device leave the connection to the others, and a silent push ends by itself', async () => {
  await start({ timeouts: { request: 100 } })
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
  await start()
  fake.answer(({ token }) => (token === tokens[0] ? 'hang' : 'accepted'))
  const hanging = send()
  await until(() => fake.pushes.length === 1)
  const accepted = await Promise.all(Array.from({ length: 300 }, () => send(push('message', tokens[1]))))
  expect(accepted).toEqual(accepted.map(() => ({ outcome: 'accepted' })))
  await provider.close()
  expect(await hanging).toEqual(retry('closed'))
})

test('GOAWAY every 100 of 1,000 pushes loses none and repeats none', async () => {
  await start()
  fake.goAwayEvery(100)
  const devices = Array.from({ length: 1000 }, (_, i) => i.toString(16).padStart(64, '0'))
  const outcomes = await Promise.all(devices.map((token) => sendUntilKnown(push('message', token))))
  expect(outcomes.filter(({ outcome }) => outcome !== 'accepted')).toEqual([])
  expect(fake.pushes.map(({ token }) => token).sort()).toEqual(devices)
  expect(fake.connections.made).toBeGreaterThanOrEqual(10)
})

test('a stream that was surely not handled is sent once more, any other is not', async () => {
  await start()
  const once = (...answers: ApnsAnswer[]) => fake.answer(() => answers.shift() ?? 'accepted')
  once('refuse-stream')
  expect(await send()).toEqual({ outcome: 'accepted' })
  for (const answer of ['reset', 'drop', 'half'] as const) {
    const before = fake.pushes.length
    once(answer)
    expect(await send()).toEqual(retry('lost'))
    expect(fake.pushes.length).toBe(before + 1)
    expect(await send()).toEqual({ outcome: 'accepted' })
  }
  fake.answer('refuse-stream')
  expect(await send()).toEqual(retry('unsent'))
})

test('GOAWAY with an error ends its connection only', async () => {
  await start()
  fake.answer('hang')
  const sent = send()
  await until(() => fake.pushes.length === 1)
  fake.answer('accepted')
  fake.goAway(11)
  expect(await sent).toEqual(retry('lost'))
  expect(await send()).toEqual({ outcome: 'accepted' })
  expect(fake.connections.made).toBe(2)
})

test('a graceful GOAWAY lets the pushes in flight end, while new ones take a new connection', async () => {
  await start()
  let answer: (a: ApnsAnswer) => void = () => {}
  fake.answer(
    () =>
      new Promise((resolve) => {
        answer = resolve
      }),
  )
  const sent = send()
  await until(() => fake.pushes.length === 1)
  fake.goAway()
  fake.answer('accepted')
  expect(await send()).toEqual({ outcome: 'accepted' })
  answer('accepted')
  expect(await sent).toEqual({ outcome: 'accepted' })
  expect(fake.pushes.map(({ connection }) => connection)).toEqual([0, 1])
  await until(() => fake.connections.open === 1)
})

test('the death of an old connection does not fail the pushes of a new one', async () => {
  await start({ maxConnections: 2 }, { settings: { maxConcurrentStreams: 1 } })
  fake.answer(({ token }) => (token === tokens[0] ? 'hang' : 'accepted'))
  const old = send()
  await until(() => fake.pushes.length === 1)
  expect(await send(push('message', tokens[1]))).toEqual({ outcome: 'accepted' })
  fake.answer(async ({ token }) => (token === tokens[0] ? 'drop' : 'hang'))
  const second = send(push('message', tokens[1]))
  await until(() => fake.pushes.length === 3)
  fake.dropConnections()
  expect(await old).toEqual(retry('lost'))
  expect(await second).toEqual(retry('lost'))
  fake.answer('accepted')
  expect(await send()).toEqual({ outcome: 'accepted' })
})

test('a far end that does not read costs its pushes their time, and gets a fresh connection', async () => {
  await start({ timeouts: { request: 100 } }, { settings: { initialWindowSize: 64 } })
  fake.answer('stall')
  expect(await Promise.all([send(), send()])).toEqual([retry('timeout'), retry('timeout')])
  fake.answer('accepted')
  expect(await send()).toEqual({ outcome: 'accepted' })
  expect(fake.connections.made).toBe(2)
})

test('changed settings count at once', async () => {
  await start({ maxConnections: 1 }, { settings: { maxConcurrentStreams: 1 } })
  expect(await send()).toEqual({ outcome: 'accepted' })
  expect(provider.maxConcurrent).toBe(1)
  fake.answer('hang')
  const sent = [send(), send(), send()]
  await until(() => fake.pushes.length === 2)
  fake.updateSettings({ maxConcurrentStreams: 3 })
  await until(() => fake.pushes.length === 4)
  expect(provider.maxConcurrent).toBe(3)
  await provider.close()
  await Promise.all(sent)
})

test('another authority is no connection, and nothing is sent', async () => {
  await start({ ca: createTestIdentity().ca })
  expect(await send()).toEqual(retry('connect', { all: true }))
  expect(fake.pushes).toEqual([])
})

test('a connection without pushes is closed, and made again for the next one', async () => {
  await start({ timeouts: { ping: 10, idle: 30 } })
  await send()
  await until(() => fake.connections.open === 0)
  expect(await send()).toEqual({ outcome: 'accepted' })
})

test('waiting for a place ends with the time-out and the abort', async () => {
  await start({ maxConnections: 1, timeouts: { request: 100 } }, { settings: { maxConcurrentStreams: 1 } })
  fake.answer('hang')
  const first = send()
  await until(() => fake.pushes.length === 1)
  const abort = new AbortController()
  const aborted = provider.send(push(), { signal: abort.signal })
  setTimeout(() => abort.abort(), 10)
  expect(await aborted).toEqual(retry('aborted'))
  expect(await first).toEqual(retry('timeout'))
})

describe('a JWT', () => {
  const minute = 60_000
  let now = 0
  const options = { clock: () => now, random: () => 0.5 }
  const startAt = async (time: number) => {
    now = time
    await start(options, { clock: () => now })
  }
  const jwts = () => new Set(fake.pushes.map(({ jwt }) => jwt)).size

  it('is used for 30 to 50 minutes', async () => {
    await startAt(registeredAt)
    await send()
    now += 39 * minute
    await send()
    expect(jwts()).toBe(1)
    now += 2 * minute
    expect(await send()).toEqual({ outcome: 'accepted' })
    expect(jwts()).toBe(2)
  })

  it('that is refused when it is older than 20 minutes is renewed once, also for many pushes', async () => {
    await startAt(registeredAt)
    await send()
    now += 21 * minute
    const old = fake.pushes[0]?.jwt
    fake.answer(({ jwt }) => (jwt === old ? { status: 403, reason: 'ExpiredProviderToken' } : 'accepted'))
    expect(await Promise.all([send(), send(), send()])).toEqual(Array(3).fill({ outcome: 'accepted' }))
    expect(jwts()).toBe(2)
  })

  it.each(['ExpiredProviderToken', 'InvalidProviderToken'])('that is young pauses all pushes on %s', async (reason) => {
    await startAt(registeredAt)
    fake.answer({ status: 403, reason })
    expect(await send()).toEqual({ outcome: 'retry', afterMs: minute, reason, all: true })
    expect(fake.pushes).toHaveLength(1)
    now += 21 * minute
    expect(await send()).toEqual({ outcome: 'retry', afterMs: minute, reason, all: true })
    expect(fake.pushes).toHaveLength(3)
  })

  it('of a key that was replaced pauses all pushes; the provider of the new key sends', async () => {
    await startAt(registeredAt)
    await send()
    fake.rotateKey()
    expect(await send()).toMatchObject({ outcome: 'retry', reason: 'InvalidProviderToken', all: true })
    await provider.close()
    provider = apnsProvider({ name: 'apns_test', ...fake.options, ...options })
    expect(await send()).toEqual({ outcome: 'accepted' })
  })

  it('from the future is not kept when the clock is set back', async () => {
    await startAt(registeredAt)
    await send()
    now -= 60 * minute
    expect(await send()).toEqual({ outcome: 'accepted' })
  })
})

test('what cannot work is refused at once', async () => {
  await start()
  const { options } = fake
  const make = (more: Partial<ApnsOptions>) => () => apnsProvider({ name: 'apns_test', ...options, ...more })
  const config = expect.objectContaining({ name: 'ProviderConfigError' })
  expect(make({ key: 'no key' })).toThrow(config)
  expect(make({ topic: '' })).toThrow(config)
  expect(make({ keyId: 'a b' })).toThrow(config)
  const { host: _, ...noHost } = options
  expect(() => apnsProvider({ name: 'apns_test', ...noHost })).toThrow('expected the host of apns_test')
  expect(() => apnsProvider({ ...noHost, name: 'apns_dev' })).not.toThrow()
})
