import { afterAll, describe, expect, it, test } from 'vitest'
import { pushProviderSuite } from './conformance.js'
import { consoleProvider } from './console.js'
import { checkMessagesData } from './notification-data.js'
import type { Push, PushProvider } from './provider.js'

pushProviderSuite(
  { describe, it },
  {
    name: 'console',
    supports: ['accepted', 'retry'],
    readable: false,
    async create() {
      const lines: string[] = []
      let fails = false
      const provider = consoleProvider({
        write(line) {
          if (fails) throw new Error('no more room')
          lines.push(line)
        },
      })
      return {
        provider,
        tokens: ['phone 1', 'phone 2'],
        badTokens: ['x'.repeat(256), {}],
        received: () => lines,
        answer: (answer) => {
          fails = answer === 'retry'
        },
        close: async () => {},
      }
    },
  },
)

/** A provider in memory that can fail in every way: it shows that the suite's other branches hold and can fail. */
function scriptedProvider(answer: () => string, received: string[]): PushProvider {
  let closed = false
  const hanging = new Set<() => void>()
  const { readToken } = consoleProvider({ write() {} })
  const close = async () => {
    closed = true
    for (const end of hanging) end()
  }
  return {
    name: 'scripted',
    maxConcurrent: 4,
    readToken,
    async send(push, { signal }) {
      if (closed || signal.aborted) return { outcome: 'retry', afterMs: 0, reason: 'closed' }
      received.push(JSON.stringify(push.notificationData))
      const now = answer()
      if (now === 'hang') {
        await new Promise<void>((resolve) => {
          hanging.add(resolve)
          signal.addEventListener('abort', () => resolve())
        })
        return { outcome: 'retry', afterMs: 0, reason: 'timeout' }
      }
      if (now === 'gone' || now === 'refused') return { outcome: now, reason: now }
      if (now === 'accepted') return { outcome: 'accepted' }
      return { outcome: 'retry', afterMs: now === 'retry' ? 0 : 7000, reason: '503' }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

pushProviderSuite(
  { describe, it },
  {
    name: 'scripted',
    supports: ['accepted', 'retry', 'retry-after', 'gone', 'refused', 'hang'],
    readable: true,
    async create() {
      let next: string = 'accepted'
      const received: string[] = []
      return {
        provider: scriptedProvider(() => next, received),
        tokens: ['phone 1', 'phone 2'],
        badTokens: [],
        received: () => received,
        answer: (answer) => {
          next = answer
        },
        close: async () => {},
      }
    },
  },
)

describe('the conformance suite', () => {
  const bodies: (() => Promise<void>)[] = []
  const runner = {
    describe: (_: string, body: () => void) => body(),
    it: (_: string, body: () => Promise<void>) => void bodies.push(body),
  }
  const closed: string[] = []
  pushProviderSuite(runner, {
    name: 'liar',
    supports: ['accepted', 'gone'],
    readable: true,
    async create() {
      const provider = scriptedProvider(() => 'accepted', [])
      return {
        provider,
        tokens: ['a', 'a'],
        badTokens: [],
        received: () => [],
        answer() {},
        close: async () => void closed.push('far end'),
      }
    },
  })
  afterAll(() => expect(closed).toHaveLength(bodies.length))

  it('fails for a provider that loses pushes, mixes up tokens and hides that one is gone', async () => {
    const results = await Promise.allSettled(bodies.map((body) => body()))
    expect(results.filter(({ status }) => status === 'rejected').length).toBe(6)
  })
})

const push: Push = {
  id: 'first',
  kind: 'check',
  token: 'secret token',
  registeredAt: 0,
  notificationData: checkMessagesData,
}
const options = { signal: new AbortController().signal }

test('the console shows kind, size and opaque data on one line, never the token', async () => {
  const lines: string[] = []
  const provider = consoleProvider({ write: (line) => lines.push(line) })
  await provider.send(push, options)
  await provider.send(
    { ...push, kind: 'message', notificationData: { nonce: 'n'.repeat(32), message: 'm'.repeat(3904) } },
    options,
  )
  expect(lines[0]).toMatch(/^push to device [0-9a-f]{8}: check, 43 bytes, checkMessages=true$/)
  expect(lines[1]).toMatch(/message, \d+ bytes, nonce=n{32} message=m{40}… \(3904 characters\)$/)
  expect(lines.join()).not.toContain('secret')
})

test('the console hands a push to the stand-in of the device before it accepts it', async () => {
  const delivered: Push[] = []
  const provider = consoleProvider({ write() {}, deliver: (one) => void delivered.push(one) })
  expect(await provider.send(push, options)).toEqual({ outcome: 'accepted' })
  expect(delivered).toEqual([push])
})
