import { expect, test } from 'vitest'
import type { Push, PushOutcome } from '../provider.js'
import type { ApnsAnswer } from '../testing/apns-fake.js'
import { push, retry, type Sending, start, tokens, until } from '../testing/apns-sending.js'
import { createTestIdentity } from '../testing/authority.js'

/** As the outbox does, which never gives up a push that may be sent again. */
async function sendUntilKnown(send: Sending['send'], one: Push): Promise<PushOutcome> {
  for (;;) {
    const outcome = await send(one)
    if (outcome.outcome !== 'retry') return outcome
  }
}

test('W5: more connections are made when the streams of one do not suffice', async () => {
  const { fake, provider, send } = await start({ maxConnections: 3 }, { settings: { maxConcurrentStreams: 2 } })
  fake.answer('hang')
  const sent = Array.from({ length: 6 }, () => send())
  await until(() => fake.pushes.length === 6)
  expect(fake.connections.open).toBe(3)
  expect(provider.maxConcurrent).toBe(6)
  await provider.close()
  expect(await Promise.all(sent)).toEqual(sent.map(() => retry('closed')))
})

test('GOAWAY every 100 of 1,000 pushes loses none and repeats none', async () => {
  const { fake, send } = await start()
  fake.goAwayEvery(100)
  const devices = Array.from({ length: 1000 }, (_, i) => i.toString(16).padStart(64, '0'))
  const outcomes = await Promise.all(devices.map((token) => sendUntilKnown(send, push('message', token))))
  expect(outcomes.filter(({ outcome }) => outcome !== 'accepted')).toEqual([])
  expect(fake.pushes.map(({ token }) => token).sort()).toEqual(devices)
  expect(fake.connections.made).toBeGreaterThanOrEqual(10)
})

test('a stream that was surely not handled is sent once more, any other is not', async () => {
  const { fake, send } = await start()
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
  const { fake, send } = await start()
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
  const { fake, send } = await start()
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
  const { fake, send } = await start({ maxConnections: 2 }, { settings: { maxConcurrentStreams: 1 } })
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
  const { fake, send } = await start({ timeouts: { request: 100 } }, { settings: { initialWindowSize: 64 } })
  fake.answer('stall')
  expect(await Promise.all([send(), send()])).toEqual([retry('timeout'), retry('timeout')])
  fake.answer('accepted')
  expect(await send()).toEqual({ outcome: 'accepted' })
  expect(fake.connections.made).toBe(2)
})

test('changed settings count at once', async () => {
  const { fake, provider, send } = await start({ maxConnections: 1 }, { settings: { maxConcurrentStreams: 1 } })
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

test('a connection that is to take no more pushes ends those in flight, and others take another one', async () => {
  const { fake, send } = await start({ maxConnections: 1 }, { settings: { maxConcurrentStreams: 2 } })
  const ends: (() => void)[] = []
  fake.answer(() => new Promise((resolve) => ends.push(() => resolve('accepted'))))
  const old = send()
  await until(() => ends.length === 1)
  fake.updateSettings({ maxConcurrentStreams: 0 })
  // Until the change has arrived.
  while (fake.connections.made === 1) {
    const sent = send(push('message', tokens[1]))
    await until(() => ends.length === 2)
    ends.pop()?.()
    expect(await sent).toEqual({ outcome: 'accepted' })
  }
  ends.pop()?.()
  expect(await old).toEqual({ outcome: 'accepted' })
  await until(() => fake.connections.open === 1)
})

test('a far end that takes no pushes at all is no connection', async () => {
  const { send } = await start({}, { settings: { maxConcurrentStreams: 0 } })
  expect(await send()).toEqual(retry('connect', { all: true }))
})

test('another authority is no connection, and nothing is sent', async () => {
  const { fake, send } = await start({ ca: createTestIdentity().ca })
  expect(await send()).toEqual(retry('connect', { all: true }))
  expect(fake.pushes).toEqual([])
})

test('a connection without pushes is closed, and made again for the next one', async () => {
  const { fake, send } = await start({ timeouts: { ping: 10, idle: 30 } })
  await send()
  await until(() => fake.connections.open === 0)
  expect(await send()).toEqual({ outcome: 'accepted' })
})

test('waiting for a place ends with the time-out and the abort', async () => {
  const { fake, provider, send } = await start(
    { maxConnections: 1, timeouts: { request: 100 } },
    { settings: { maxConcurrentStreams: 1 } },
  )
  fake.answer('hang')
  const first = send()
  await until(() => fake.pushes.length === 1)
  const abort = new AbortController()
  const aborted = provider.send(push(), { signal: abort.signal })
  setTimeout(() => abort.abort(), 10)
  expect(await aborted).toEqual(retry('aborted'))
  expect(await first).toEqual(retry('timeout'))
})
