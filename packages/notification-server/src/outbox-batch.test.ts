import { expect, test } from 'vitest'
import { notification, owed, token, write } from './conformance-support.js'
import { defaultLimits } from './limits.js'
import { memoryStore } from './memory-store.js'
import { BatchRows, selectionFor } from './outbox-batch.js'
import { type Attempt, plan, settle } from './outbox-rules.js'

const message = { token: 'a', kind: 'message', provider: 'fake' } as const
const verification = { token: 'a', kind: 'verification', provider: 'fake' } as const

async function rowsOf(all: Parameters<typeof selectionFor>[0]) {
  const store = memoryStore()
  await write(store, {
    tokens: [token('a'), token('b')],
    notifications: [...Array(9).keys()].map((i) => notification(`${i}`, i, i % 2 ? 'a' : 'b')),
    outbox: [owed('a', { kind: 'message' }), owed('a', { kind: 'verification' }), owed('b', { kind: 'message' })],
  })
  return { store, rows: new BatchRows(await store.read(selectionFor(all))) }
}

test('each gets its own rows from one reading', async () => {
  const { rows } = await rowsOf([message, verification, { token: 'b', kind: 'message' }])
  expect(rows.of(message)).toMatchObject({ token: { id: 'a' }, outbox: { id: 'a/message' } })
  expect(rows.of(message).notifications.map(({ seq }) => seq)).toEqual([1, 3, 5, 7])
  expect(rows.of(verification)).toMatchObject({ outbox: { id: 'a/verification' }, notifications: [] })
  expect(rows.of({ token: 'b', kind: 'message' }).notifications.map(({ seq }) => seq)).toEqual([0, 2, 4, 6, 8])
  expect(rows.of({ token: 'c', kind: 'check' })).toEqual({ token: undefined, outbox: undefined, notifications: [] })
})

test('what is decided for one is seen by the next: a token that is gone needs no verification', async () => {
  const { store, rows } = await rowsOf([message, verification])
  const attempts = [message, verification].map((one) => {
    const planned = plan(one, rows.of(one), 0, defaultLimits)
    return (planned as { attempt: Attempt }).attempt
  })
  const [first, second] = attempts as [Attempt, Attempt]
  const settlement = { now: 5, again: false, random: 0.5 }
  const gone = { outcome: 'gone', reason: 'Unregistered' } as const
  const busy = { outcome: 'retry', afterMs: 0, reason: '503' } as const
  expect(rows.apply(settle(first, rows.of(message), { ...settlement, outcome: gone }, defaultLimits))).toBeNull()
  expect(rows.apply(settle(second, rows.of(verification), { ...settlement, outcome: busy }, defaultLimits))).toBeNull()
  expect(rows.changes).toMatchObject({
    tokens: [{ id: 'a', status: 'invalid' }],
    outbox: [],
    remove: { outbox: ['a/verification'] },
  })
  await write(store, rows.changes)
  const { outbox } = await store.read({ outbox: { id: ['a/message', 'a/verification'] } })
  expect(outbox.map(({ id }) => id)).toEqual(['a/message'])
})

test('of what is removed and put again, or put and removed, only the last is written', async () => {
  const { rows } = await rowsOf([message])
  const row = owed('a', { kind: 'message', dueAt: 7 })
  rows.apply({ changes: { remove: { outbox: [row.id] } }, result: null })
  expect(rows.of(message).outbox).toBeUndefined()
  rows.apply({ changes: { outbox: [row] }, result: 7 })
  expect(rows.changes).toMatchObject({ outbox: [row], remove: { outbox: [] } })
  expect(rows.of(message).outbox).toEqual(row)
  rows.apply({ changes: { remove: { outbox: [row.id] } }, result: null })
  expect(rows.changes).toMatchObject({ outbox: [], remove: { outbox: [row.id] } })
})
