import { addressPolicy } from '@smpkit/smp-commands/address'
import { expect, test } from 'vitest'
import { endpointProvider } from './endpoint-provider.js'
import { DeviceTokenError, PayloadError } from './errors.js'
import { checkMessagesData } from './notification-data.js'
import type { Push } from './provider.js'
import { createTestIdentity } from './testing/authority.js'
import { startEndpointFake } from './testing/endpoint-fake.js'

const identity = createTestIdentity()
const allowAddress = addressPolicy({ allow: ['127.0.0.1', '::1'] })
const signal = new AbortController().signal
const push = (token: string): Push => ({
  id: 'id',
  kind: 'check',
  token,
  registeredAt: 0,
  notificationData: checkMessagesData,
})

const startFake = () => startEndpointFake<string>(async (request) => request.url ?? '', { accepted: 200, identity })

/** Tokens are URLs, whose path says what fails. */
const provider = (options = {}) =>
  endpointProvider(
    {
      name: 'test',
      read(token) {
        if (typeof token !== 'string' || token === '') throw new DeviceTokenError('expected a URL')
        return { url: new URL(token) }
      },
      write: ({ url }) => url.href,
      async request({ url }) {
        if (url.pathname === '/large') throw new PayloadError('LARGE', 'too large')
        return { url, headers: {}, body: url.pathname }
      },
      answers: { 409: 'busy', 410: { gone: 'DEAD' } },
    },
    { allowAddress, ca: identity.ca, ...options },
  )

test('while an origin never answers, a thousand pushes to another one arrive', async () => {
  await using silent = await startFake()
  await using other = await startFake()
  await using sender = provider()
  silent.answer('hang')
  const hanging = Array.from({ length: 20 }, () =>
    sender.send(push(`${silent.origin}/`), { signal: new AbortController().signal }),
  )
  while (silent.received.length < 16) await new Promise((resolve) => setTimeout(resolve, 5))
  let next = 0
  const worker = async () => {
    while (next < 1000) {
      expect(await sender.send(push(`${other.origin}/${next++}`), { signal: new AbortController().signal })).toEqual({
        outcome: 'accepted',
      })
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  expect(new Set(other.received).size).toBe(1000)
  expect(other.connections.made).toBeLessThanOrEqual(16)
  // No more than that many connections, and the pushes that wait for one end with the others.
  expect(silent.received.length).toBe(16)
  await sender.close()
  for (const one of hanging) expect(await one).toEqual({ outcome: 'retry', afterMs: 0, reason: 'closed' })
  expect(silent.received.length).toBe(16)
})

test('all connections end with the provider', async () => {
  await using fake = await startFake()
  const sender = provider()
  await sender.send(push(`${fake.origin}/`), { signal })
  expect(fake.connections.open).toBe(1)
  await sender.close()
  while (fake.connections.open > 0) await new Promise((resolve) => setTimeout(resolve, 5))
})

test('aborts leave nothing at the caller’s signal', async () => {
  await using fake = await startFake()
  await using sender = provider()
  const listening = new Set<unknown>()
  const counted = new AbortController().signal
  const { addEventListener, removeEventListener } = counted
  Object.assign(counted, {
    addEventListener: (type: 'abort', listener: () => void) => {
      listening.add(listener)
      addEventListener.call(counted, type, listener)
    },
    removeEventListener: (type: 'abort', listener: () => void) => {
      listening.delete(listener)
      removeEventListener.call(counted, type, listener)
    },
  })
  await sender.send(push(`${fake.origin}/`), { signal: counted })
  await sender.send(push(`${fake.origin}/large`), { signal: counted })
  expect(listening.size).toBe(0)
})

test('what cannot be sent is refused, whatever it is', async () => {
  await using sender = provider()
  expect(await sender.send(push(''), { signal })).toEqual({ outcome: 'refused', reason: 'token' })
  const large = await sender.send(push('https://localhost/large'), { signal })
  expect(large).toEqual({ outcome: 'refused', reason: 'too-large' })
})

test('answers are those of the kind', async () => {
  await using fake = await startFake()
  await using sender = provider()
  const send = (status: number) => {
    fake.answer({ status })
    return sender.send(push(`${fake.origin}/`), { signal })
  }
  expect(await send(409)).toEqual({ outcome: 'retry', afterMs: 0, reason: 'http-409' })
  expect(await send(410)).toEqual({ outcome: 'gone', reason: 'DEAD' })
  expect(await send(404)).toEqual({ outcome: 'refused', reason: 'http-404' })
})
