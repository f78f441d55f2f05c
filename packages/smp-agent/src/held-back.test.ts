import { type AgentStore, insert, openMemoryStore, type Row } from '@smpkit/agent-store'
import { PrivateKey } from '@smpkit/crypto'
import { SmpClientError, SmpReplyError } from '@smpkit/smp-client'
import { expect, it } from 'vitest'
import type { Context } from './context.js'
import { HeldBack, sizeOf } from './held-back.js'
import { freshReceiveQueue } from './queues.js'

const connId = new Uint8Array(12)
const noBytes = new Uint8Array(0)
const queue = (queueNo: number, replaces: number | null): Row<'receiveQueues'> => ({
  connId,
  queueNo,
  server: `smp://${'A'.repeat(43)}=@localhost`,
  recipientId: new Uint8Array([queueNo]),
  senderId: new Uint8Array([queueNo]),
  recipientKey: PrivateKey.generate('ed25519').toDer(),
  bodySecret: noBytes,
  dhKey: noBytes,
  ...freshReceiveQueue,
  e2eSecret: noBytes,
  status: 'secured',
  replaces,
  clientVersion: 4,
  queueMode: 'messaging',
})
const [older, newer] = [queue(1, null), queue(2, 1)]
const message = { connId, type: 'message', messageId: 1, queueNo: 1, brokerId: noBytes, data: noBytes, createdAt: 0 }

async function storeWith(...events: Omit<Row<'events'>, 'eventId'>[]): Promise<AgentStore> {
  const store = openMemoryStore()
  const rows = events.map((event, i) => insert('events', { ...event, eventId: i + 1 }))
  const writes = [insert('receiveQueues', older), insert('receiveQueues', newer), ...rows]
  await store.atomic({}, () => ({ writes, result: undefined }))
  return store
}

/** Its clock goes on by itself; `answer`: what the old queue's server says of it. */
function contextOf(store: AgentStore, answer: (time: number) => number) {
  let time = 0
  const closing = new AbortController()
  const clock = {
    now: () => time,
    schedule: (callback: () => void, delay: number) => {
      const timer = setImmediate(() => {
        time += delay
        callback()
      })
      return () => clearImmediate(timer)
    },
  }
  const requester = { request: async () => ({ tag: 'INFO', info: { qiSize: answer(time) } }) }
  const network = { recipient: () => requester }
  const context = { store, clock, closing: closing.signal, network } as unknown as Context
  return { context, closing, time: () => time }
}

const refused = () => {
  throw new SmpReplyError({ code: 'CMD', inner: { code: 'UNKNOWN' } })
}

it('a message waits until the old queue is empty, as long as the application takes what is in it', async () => {
  const { context, time } = contextOf(await storeWith(), (now) => Math.max(0, 10 - Math.floor(now / 50_000)))
  expect(await new HeldBack().wait(context, newer, '')).toBe(true)
  expect(time()).toBeGreaterThanOrEqual(500_000)
})

it('it waits no longer than a minute for an old queue that stands still', async () => {
  const { context, time } = contextOf(await storeWith(), () => 1)
  expect(await new HeldBack().wait(context, newer, '')).toBe(true)
  expect(time()).toBeGreaterThanOrEqual(60_000)
  expect(time()).toBeLessThan(75_000)
})

it('it does not wait for a queue that was lost, or cannot be reached', async () => {
  for (const error of [new SmpReplyError({ code: 'AUTH' }), new SmpClientError('TIMEOUT', 'away')]) {
    const { context, time } = contextOf(await storeWith(message), () => {
      throw error
    })
    expect(await new HeldBack().wait(context, newer, '')).toBe(true)
    expect(time()).toBe(0)
    await expect(sizeOf(context, older, '', new AbortController().signal)).rejects.toBe(error)
  }
})

it('where the server does not tell, what the application has not acknowledged is waited for', async () => {
  const other = contextOf(await storeWith({ ...message, queueNo: 2 }, { ...message, type: 'error' }), refused)
  expect(await new HeldBack().wait(other.context, newer, '')).toBe(true)
  expect(other.time()).toBe(0)
  const { context, time } = contextOf(await storeWith(message), refused)
  expect(await new HeldBack().wait(context, newer, '')).toBe(true)
  expect(time()).toBeGreaterThanOrEqual(60_000)
})

it('one message of a queue waits at a time: the one that the server sent last', async () => {
  let size = 1
  const { context } = contextOf(await storeWith(), () => size)
  const heldBack = new HeldBack()
  const [first, second] = [heldBack.wait(context, newer, ''), heldBack.wait(context, newer, '')]
  expect(await first).toBe(false)
  size = 0
  expect(await second).toBe(true)
})

it('nothing waits any more when the agent is closed', async () => {
  const { context, closing } = contextOf(await storeWith(), () => 1)
  const waiting = new HeldBack().wait(context, newer, '')
  closing.abort()
  expect(await waiting).toBe(false)
})
