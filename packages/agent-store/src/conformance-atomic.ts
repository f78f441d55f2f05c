// Conformance: what happens at the same time, what fails, and what is closed.
import {
  allRows,
  bytesOf,
  equal,
  failure,
  rejects,
  type StoreTest,
  type StoreUnderTest,
  sample,
  write,
} from './conformance-support.js'
import { type AgentStore, find, get, insert, put, update } from './contract.js'

const counter = sample('events', 1, { eventId: 1, messageId: 0 })
const counterKey = { eventId: 1 }

const increment = (store: AgentStore) =>
  store.atomic({ row: get('events', counterKey) }, ({ row }) => {
    const next = (row?.messageId ?? 0) + 1
    return { writes: [update('events', counterKey, { messageId: next })], result: next }
  })

export function atomicTests(test: StoreTest): void {
  test('atomic gives what it read to decide, and the result to its caller', async ({ store }) => {
    await write(store, insert('events', counter))
    const queries = {
      one: get('events', counterKey),
      some: find('events', 'byConnection', { connId: counter.connId }),
      none: get('connections', { connId: bytesOf(1) }),
    }
    const result = await store.atomic(queries, (found) => ({ writes: [], result: found }))
    equal(result, { one: counter, some: [counter], none: undefined }, 'result')
    equal(await store.read(queries), { one: counter, some: [counter], none: undefined }, 'read')
  })

  test('100 calls at the same time that read, count and write lose none', async ({ store }) => {
    await write(store, insert('events', counter))
    const results = await Promise.all(Array.from({ length: 100 }, () => increment(store)))
    equal(
      results.toSorted((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1),
      'results',
    )
    equal(await allRows(store, 'events'), [{ ...counter, messageId: 100 }], 'rows')
  })

  test('what decided that a row is not there decides again when it is', async ({ store }) => {
    const take = (type: string) =>
      store.atomic({ row: get('events', counterKey) }, ({ row }) => ({
        writes: row === undefined ? [insert('events', { ...counter, type })] : [],
        result: row?.type ?? type,
      }))
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => take(`of ${i}`)))
    equal(new Set(results).size, 1, 'how many were first')
  })

  test('two that read the rows of each other cannot both have been first', async ({ store }) => {
    const connId = bytesOf(1)
    const enter = (commandNo: number) =>
      store.atomic({ rows: find('commands', 'byConnection', { connId }) }, ({ rows }) => ({
        writes: [insert('commands', sample('commands', 1, { connId, commandNo, createdAt: rows.length }))],
        result: rows.length,
      }))
    const found = await Promise.all(Array.from({ length: 20 }, (_, i) => enter(i + 1)))
    equal(
      found.toSorted((a, b) => a - b),
      Array.from({ length: 20 }, (_, i) => i),
      'how many rows each found',
    )
  })

  test('read gives what was committed before it', async ({ store }) => {
    await write(store, insert('events', counter))
    for (let count = 1; count <= 20; count++) {
      await increment(store)
      const { row } = await store.read({ row: get('events', counterKey) })
      equal(row?.messageId, count, 'count')
    }
  })

  test('if decide throws, its error is passed on, nothing is written, and others go on', async ({ store }) => {
    await write(store, insert('events', counter))
    const thrown = new Error('from decide')
    const failing = () =>
      store.atomic({ row: get('events', counterKey) }, () => {
        throw thrown
      })
    const conflict = () => write(store, put('events', sample('events', 2)), insert('events', counter))
    const calls = Array.from({ length: 30 }, (_, i) => [increment, failing, conflict][i % 3]?.(store))
    const settled = await Promise.allSettled(calls)
    const reasons = settled.map((call) => (call.status === 'rejected' ? call.reason : undefined))
    equal(
      reasons.map((reason) => (reason === thrown ? 'thrown' : reason?.code)),
      Array.from({ length: 30 }, (_, i) => [undefined, 'thrown', 'CONFLICT'][i % 3]),
      'outcomes',
    )
    equal(await allRows(store, 'events'), [{ ...counter, messageId: 10 }], 'rows')
  })

  test('a signal that is aborted before rejects with its reason, and nothing is written', async ({ store }) => {
    const reason = new Error('the reason')
    const options = { signal: AbortSignal.abort(reason) }
    const pages = async () => {
      for await (const _ of store.pages('events', options));
    }
    const writes = [insert('events', counter)]
    const calls = {
      read: () => store.read({ row: get('events', counterKey) }, options),
      atomic: () => store.atomic({}, () => ({ writes, result: undefined }), options),
      last: () => store.last('events', options),
      pages,
    }
    for (const [name, call] of Object.entries(calls)) equal((await failure(call(), name)) === reason, true, name)
    equal(await allRows(store, 'events'), [], 'events')
  })

  test('a call that is aborted meanwhile is done, or rejects and was not', async ({ store }) => {
    const controllers = Array.from({ length: 20 }, () => new AbortController())
    const calls = controllers.map(({ signal }, i) => {
      const row = sample('events', 1, { eventId: i })
      return store.atomic({}, () => ({ writes: [insert('events', row)], result: i }), { signal })
    })
    controllers.forEach((controller, i) => {
      if (i % 2 === 0) controller.abort()
    })
    const settled = await Promise.allSettled(calls)
    const done = settled.flatMap((call) => (call.status === 'fulfilled' ? [call.value] : []))
    equal(
      (await allRows(store, 'events')).map(({ eventId }) => eventId),
      done,
      'events',
    )
    equal(done.filter((i) => i % 2 === 1).length, 10, 'those that were not aborted')
  })
}

const secrets = { recipientId: 1, recipientKey: 2, bodySecret: 3, dhKey: 4, e2eSecret: 5, linkKey: 6, notifierId: 7 }

async function isStored(test: StoreUnderTest, bytes: Uint8Array): Promise<boolean> {
  const stored = await test.stored?.()
  return stored !== undefined && Buffer.from(stored).includes(Buffer.from(bytes))
}

export function lifeTests(test: StoreTest): void {
  test('what was written is there after opening again, where the store is durable', async (under) => {
    const { store } = under
    const rows = Array.from({ length: 50 }, (_, i) => sample('messages', i + 1))
    await Promise.all(rows.map((row) => write(store, insert('messages', row))))
    const written = await allRows(store, 'messages')
    const { durable } = store.supports
    const again = await under.reopen()
    equal(await allRows(again, 'messages'), durable ? written : [], 'messages')
    await write(again, insert('events', counter))
    equal(await allRows(again, 'events'), [counter], 'a row written afterwards')
  })

  test('secrets are kept encrypted, where the store says so', async (under) => {
    const { store } = under
    const values = Object.fromEntries(Object.entries(secrets).map(([name, i]) => [name, bytesOf(i * 1001, 40)]))
    const row = sample('receiveQueues', 1, { ...values, senderId: bytesOf(8008, 40) })
    const text = new TextEncoder().encode('the secret body of a message')
    await write(store, insert('receiveQueues', row), insert('messages', sample('messages', 1, { body: text })))
    if (under.stored === undefined) return
    equal(await isStored(under, row.senderId), true, 'what is no secret is found in what is stored')
    for (const [name, value] of Object.entries({ ...values, body: text })) {
      equal(await isStored(under, value), !store.supports.encrypted, name)
    }
  })

  test('close lets finish what was under way, and then refuses all calls', async (under) => {
    const { store } = under
    const before = [1, 2, 3].map((eventId) => write(store, insert('events', sample('events', 1, { eventId }))))
    const closing = store.close()
    await Promise.all(before)
    await closing
    await store.close()
    await rejects(store.read({ row: get('events', counterKey) }), 'CLOSED', 'read')
    await rejects(write(store, insert('events', counter)), 'CLOSED', 'atomic')
    await rejects(store.last('events'), 'CLOSED', 'last')
    await rejects(allRows(store, 'events'), 'CLOSED', 'pages')
    equal(await store.closed, undefined, 'why it is closed')
    if (!store.supports.durable) return
    equal((await allRows(await under.reopen(), 'events')).length, 3, 'what was under way')
  })

  test('it is closed when it is disposed of', async ({ store }) => {
    await store[Symbol.asyncDispose]()
    await rejects(store.last('events'), 'CLOSED', 'last')
    equal(await store.closed, undefined, 'why it is closed')
  })
}
