import { type AgentStore, insert, openMemoryStore, type Row } from '@smpkit/agent-store'
import { ManualClock } from '@smpkit/smp-server'
import { describe, expect, it } from 'vitest'
import { Cleanup, startCleanup } from './cleanup.js'
import type { Context } from './context.js'
import { FlakyStore } from './testing/flaky-store.js'
import { Workers } from './workers.js'

const days = 24 * 3_600_000
const now = 1000 * days
const old = now - 21 * days - 1
const young = now - 21 * days + 1
const connId = new Uint8Array(12)
const bytes = (no: number) => new Uint8Array([no >> 8, no])
const signal = new AbortController().signal

/** What clean-up takes of a context. */
const contextOf = (store: AgentStore, more: Partial<Context> = {}) => ({ store, now: () => now, ...more }) as Context

const message = (messageId: number, changes: Partial<Row<'messages'>> = {}): Row<'messages'> => ({
  connId,
  messageId,
  sentId: messageId,
  type: 'msg',
  hash: bytes(0),
  body: bytes(0),
  key: bytes(0),
  paddedLength: 0,
  notification: false,
  status: 'sent',
  createdAt: old,
  ...changes,
})

const hash = (no: number, createdAt: number) =>
  insert('hashes', { connId, kind: 'message', hash: bytes(no), createdAt })

const request = (no: number, status: Row<'requests'>['status'], createdAt: number) =>
  insert('requests', {
    requestId: bytes(no),
    connId,
    firstQueue: bytes(0),
    status,
    acceptedId: bytes(0),
    data: bytes(0),
    createdAt,
  })

const shortLink = (no: number, createdAt: number) =>
  insert('shortLinks', {
    server: 's',
    linkId: bytes(no),
    linkKey: bytes(0),
    senderKey: bytes(0),
    senderId: bytes(0),
    createdAt,
  })

async function rowsOf<N extends 'hashes' | 'messages' | 'requests' | 'shortLinks'>(store: AgentStore, table: N) {
  const rows: Row<N>[] = []
  for await (const page of store.pages(table)) rows.push(...page)
  return rows
}

describe('a round of clean-up', () => {
  it('forgets what is older than 21 days: hashes, sent messages, answered requests, links that were read', async () => {
    const store = openMemoryStore()
    const writes = [
      ...[hash(1, old), hash(2, young)],
      ...[insert('messages', message(1)), insert('messages', message(2, { createdAt: young }))],
      ...[
        request(1, 'accepted', old),
        request(2, 'rejected', old),
        request(3, 'new', old),
        request(4, 'accepted', young),
      ],
      ...[shortLink(1, old), shortLink(2, young)],
    ]
    await store.atomic({}, () => ({ writes, result: undefined }))
    await new Cleanup(contextOf(store)).round(signal)
    expect((await rowsOf(store, 'hashes')).map((row) => row.hash)).toEqual([bytes(2)])
    expect((await rowsOf(store, 'messages')).map((row) => row.messageId)).toEqual([2])
    expect((await rowsOf(store, 'requests')).map((row) => row.requestId)).toEqual([bytes(3), bytes(4)])
    expect((await rowsOf(store, 'shortLinks')).map((row) => row.linkId)).toEqual([bytes(2)])
  })

  it('keeps a message that is still to be delivered to one of the queues, however old', async () => {
    const store = openMemoryStore()
    const delivery = { connId, queueNo: 1, messageId: 1, fastDelay: 0, slowDelay: 0 }
    const writes = [
      insert('messages', message(1, { status: 'queued' })),
      insert('messages', message(2, { status: 'queued' })),
      insert('deliveries', delivery),
    ]
    await store.atomic({}, () => ({ writes, result: undefined }))
    await new Cleanup(contextOf(store)).round(signal)
    expect((await rowsOf(store, 'messages')).map((row) => row.messageId)).toEqual([1])
  })

  it('takes a bounded number of rows, and the next one goes on from there', async () => {
    const store = openMemoryStore()
    const writes = Array.from({ length: 1400 }, (_, no) => hash(no, old))
    await store.atomic({}, () => ({ writes, result: undefined }))
    const cleanup = new Cleanup(contextOf(store), { rows: 1000 })
    await cleanup.round(signal)
    expect((await rowsOf(store, 'hashes')).length).toBe(400)
    await cleanup.round(signal)
    expect((await rowsOf(store, 'hashes')).length).toBe(0)
    await store.atomic({}, () => ({ writes: [hash(1, old)], result: undefined }))
    await cleanup.round(signal)
    expect((await rowsOf(store, 'hashes')).length).toBe(0)
  })

  it('that finds the store away is left out; a store that has failed for good is told', async () => {
    const flaky = new FlakyStore()
    const store = await flaky.open()
    await store.atomic({}, () => ({ writes: [hash(1, old)], result: undefined }))
    const cleanup = new Cleanup(contextOf(store))
    for (const failing of ['all', 'writes'] as const) {
      flaky.failing = failing
      await cleanup.round(signal)
    }
    expect(flaky.failures).toBeGreaterThan(1)
    flaky.failing = 'nothing'
    await cleanup.round(signal)
    expect(await rowsOf(store, 'hashes')).toEqual([])
    const broken = new FlakyStore({ temporary: false })
    broken.failing = 'all'
    await expect(new Cleanup(contextOf(await broken.open())).round(signal)).rejects.toThrow('database')
  })
})

it('rounds come after 30 seconds and then every 5 minutes, until the agent is closed', async () => {
  const store = openMemoryStore()
  let rounds = 0
  const counting: AgentStore = {
    ...store,
    read: (queries, options) => {
      rounds++
      return store.read(queries, options)
    },
  }
  const clock = new ManualClock()
  const closing = new AbortController()
  const workers = new Workers(clock, closing.signal, (error) => {
    throw error
  })
  startCleanup(contextOf(counting, { clock, closing: closing.signal }), workers)
  const after = async (milliseconds: number) => {
    clock.advance(milliseconds)
    await workers.ended()
    return rounds
  }
  expect(await after(29_999)).toBe(0)
  expect(await after(1)).toBe(1)
  expect(await after(299_999)).toBe(1)
  expect(await after(1)).toBe(2)
  expect(await after(300_000)).toBe(3)
  closing.abort()
  expect(await after(900_000)).toBe(3)
})
