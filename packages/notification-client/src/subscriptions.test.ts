// What a notification server is asked, and what one may answer that means harm; the rest is in client.test.ts and integration/.
import { PrivateKey } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { encodeRequest, maxServiceMessagePq, newId } from '@smpkit/service-protocol'
import type { SmpAgent } from '@smpkit/smp-agent'
import { parseServerAddress } from '@smpkit/smp-commands/address'
import { describe, expect, it } from 'vitest'
import { freshDevice } from './device-secret.js'
import type { ServiceConnection } from './service-connection.js'
import { ServiceSide } from './service-side.js'
import { memoryState, Records } from './state.js'
import { Subscriptions } from './subscriptions.js'

const { signal } = new AbortController()
const host = `${'a'.repeat(56)}.onion,smp.example.org`
const server = parseServerAddress(`smp://${toBase64url(new Uint8Array(32))}@${host}:5223`, 'smp')

const device = { provider: 'console', token: 'a phone' }
const record = { ...freshDevice(device), isActive: true, token: { id: 'token', dhKey: '', device } }

interface Asked {
  readonly method: string
  readonly resource: string
  readonly data: unknown
}

/** With so many connections that have notifications. */
async function subscriptions(count: number, answer: (asked: Asked) => unknown) {
  const records = new Records(memoryState())
  const asked: Asked[] = []
  const request = async (method: string, resource: string, data: unknown) => {
    asked.push({ method, resource, data })
    return { status: 'ok', data: answer({ method, resource, data }) }
  }
  const connection = {
    ask: (_signal: AbortSignal, attempt: (ask: unknown, options: object) => unknown) => attempt(request, {}),
  } as unknown as ServiceConnection
  const notifiers = Array.from({ length: count }, (_, i) => ({
    connection: `connection ${i}`,
    server,
    notifierId: new Uint8Array(24).fill(i),
    notifierKey: PrivateKey.generate('ed25519'),
  }))
  const agent = {
    async *allNotifiers() {
      yield notifiers
    },
  } as unknown as SmpAgent
  const side = new ServiceSide({ connection, wait: 0, signal })
  const options = { agent, records, server: side, isOwn: () => false, now: Date.now, onChange() {} }
  return { asked, records, subscriptions: await Subscriptions.restore(options) }
}

/** As a server does that takes all. */
const takeAll = ({ data }: Asked) =>
  (data as object[]).map((_, i) => ({
    status: 'created',
    data: { resource: `/ntf/subscriptions/${i}`, status: 'active' },
  }))

describe('the subscriptions', () => {
  it('are told in messages that fit, and only once', async () => {
    const { asked, subscriptions: one } = await subscriptions(70, takeAll)
    await one.sync(record)
    const lengths = asked.map(({ data }) => (data as object[]).length)
    expect(lengths.reduce((sum, length) => sum + length)).toBe(70)
    for (const { resource, data } of asked) {
      expect((data as object[]).length).toBeLessThanOrEqual(32)
      const bytes = encodeRequest({ id: newId(), method: 'post', resource, data: data as never })
      expect(bytes.length).toBeLessThanOrEqual(maxServiceMessagePq)
    }
    expect(one.counts).toEqual({ wanted: 70, subscribed: 70 })
    asked.length = 0
    await one.sync(record)
    expect(asked).toEqual([])
  })

  it('need an answer for each', async () => {
    const { subscriptions: one } = await subscriptions(3, (asked) => takeAll(asked).slice(1))
    await expect(one.sync(record)).rejects.toMatchObject({ code: 'SERVICE', temporary: false })
    expect(one.counts.subscribed).toBe(0)
  })

  it('that a server does not take are told of, and what it took is kept', async () => {
    const answers = [
      { status: 'created', data: { resource: '/ntf/subscriptions/a', status: 'active' } },
      { status: 'forbidden', data: { reason: 'limit' } },
      { status: 'ok', data: { no: 'resource' } },
    ]
    const { subscriptions: one, records } = await subscriptions(3, () => answers)
    expect(await one.sync(record)).toMatchObject({ code: 'SERVICE' })
    expect([...(await records.queues.all()).keys()]).toEqual(['connection 0'])
  })

  it('of a token that the server does not know wait for another one', async () => {
    const { subscriptions: one, asked } = await subscriptions(70, ({ data }) =>
      (data as object[]).map(() => ({ status: 'not_found', data: { reason: 'token' } })),
    )
    await expect(one.sync(record)).rejects.toMatchObject({ reason: 'unknown' })
    expect(asked).toHaveLength(1)
  })

  it('are not listed without end', async () => {
    for (const items of [[{ id: 'a', status: 'active', updatedAt: 0 }], []]) {
      const { subscriptions: one } = await subscriptions(0, () => ({ items, next: 'more' }))
      const state = { status: 'active', updatedAt: 0, subscriptions: { count: 1, hash: '' } } as const
      await expect(one.repair(record, state)).rejects.toMatchObject({ code: 'SERVICE' })
    }
  })
})
