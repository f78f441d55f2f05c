import { expect, it } from 'vitest'
import { bytesOf, subscription } from './conformance-support.js'
import { memoryStore } from './memory-store.js'
import { requests } from './store-queries.js'
import { writesOf } from './store-writes.js'

const { put, remove, update } = requests
const row = subscription('a')

it('writes of a subscription that was read only what differs', () => {
  const changed = { ...row, status: 'auth', notifierKey: bytesOf('another key') } as const
  expect(writesOf({ subscriptions: [changed] }, [row], () => 1)).toEqual([
    update('subscriptions', { id: row.id }, { status: 'auth', notifierKey: changed.notifierKey }),
  ])
  expect(writesOf({ subscriptions: [{ ...row }] }, [row], () => 1)).toEqual([])
})

it('writes the whole of one that was not read, or is removed by the same call', () => {
  expect(writesOf({ subscriptions: [row] }, [], () => 1)).toEqual([put('subscriptions', row)])
  const removed = writesOf({ subscriptions: [row], remove: { subscriptions: [row.id] } }, [row], () => 1)
  expect(removed).toContainEqual(remove('subscriptions', { id: row.id }))
  expect(removed).toContainEqual(put('subscriptions', row))
  expect(writesOf({ subscriptions: [row], remove: { tokens: [row.token] } }, [row], () => 1)).toContainEqual(
    put('subscriptions', row),
  )
})

it('keeps the last one of two with the same id, whatever was read', async () => {
  await using store = memoryStore()
  await store.atomic({}, () => ({ changes: { subscriptions: [row] }, result: undefined }))
  const subscriptions = [{ ...row, status: 'auth' } as const, { ...row, reason: 'reason' }]
  await store.atomic({ subscriptions: { id: [row.id] } }, () => ({ changes: { subscriptions }, result: undefined }))
  expect((await store.read({ subscriptions: { id: [row.id] } })).subscriptions).toEqual([{ ...row, reason: 'reason' }])
})
