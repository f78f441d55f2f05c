import { expect, test } from 'vitest'
import { memoryStore } from './memory-store.js'
import { freshRow } from './outbox-rules.js'
import type { SubscriptionRow } from './rows.js'
import type { Changes } from './store.js'

const subscription = (id: string, change: Partial<SubscriptionRow> = {}): SubscriptionRow => ({
  id,
  owner: 'owner',
  token: 'token',
  server: 'server',
  address: 'smp://…',
  notifierId: new TextEncoder().encode(id),
  notifierKey: new Uint8Array(48),
  status: 'active',
  reason: null,
  updatedAt: 0,
  endedAt: null,
  retries: 0,
  nextAt: 10,
  ...change,
})

async function storeWith(...steps: Changes[]) {
  const store = memoryStore()
  for (const changes of steps) await store.atomic({}, () => ({ changes, result: undefined }))
  return store
}
const notification = (id: string, seq: number) => ({ subscription: id, token: 'token', seq, text: `item ${seq}` })

test('writes nothing when the change throws', async () => {
  const store = await storeWith({ subscriptions: [subscription('a')] })
  await expect(
    store.atomic({ subscriptions: { id: ['a'] } }, () => {
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect((await store.read({ subscriptions: { id: ['a'] } })).subscriptions).toHaveLength(1)
})

test('keeps one subscription for a queue', async () => {
  const { notifierId } = subscription('a')
  const store = await storeWith({ subscriptions: [subscription('a')] })
  const second = {
    changes: { subscriptions: [subscription('b', { notifierId })], notifications: [notification('b', 1)] },
    result: 0,
  }
  await expect(store.atomic({}, () => second)).rejects.toThrow('one subscription')
  expect((await store.read({ notifications: { subscription: ['b'] } })).notifications).toEqual([])
  const replaced = { ...second, changes: { ...second.changes, remove: { subscriptions: ['a'] } } }
  await store.atomic({}, () => replaced)
  expect((await store.read({ subscriptions: { owner: ['owner'] } })).subscriptions.map(({ id }) => id)).toEqual(['b'])
})

test('removes a notification only while it is the one that was meant', async () => {
  const store = await storeWith({ notifications: [notification('a', 2)] })
  const remove = (seq: number) =>
    store.atomic({}, () => ({
      changes: { remove: { notifications: [{ subscription: 'a', seq }] } },
      result: undefined,
    }))
  const left = async () => (await store.read({ notifications: { subscription: ['a'] } })).notifications.length
  await remove(1)
  expect(await left()).toBe(1)
  await remove(2)
  expect(await left()).toBe(0)
})

test('gives the oldest notifications of a token first, whatever the order of writing', async () => {
  const store = await storeWith({ notifications: [notification('a', 5), notification('b', 2), notification('c', 9)] })
  const { notifications } = await store.read({ notifications: { oldest: { tokens: ['token'], limit: 2 } } })
  expect(notifications.map(({ seq }) => seq)).toEqual([2, 5])
})

test('an outbox row that is there already is left as it is, where that is asked for', async () => {
  const row = freshRow({ token: 'token', kind: 'check', provider: 'fake' }, 1)
  const store = await storeWith({ outbox: [row] }, { outboxIfAbsent: [{ ...row, createdAt: 2 }] })
  expect((await store.read({ outbox: { id: [row.id] } })).outbox).toEqual([row])
})

test('due rows come earliest first, final ones never', async () => {
  const rows = [subscription('a', { nextAt: 7 }), subscription('b', { nextAt: 3 }), subscription('c', { nextAt: null })]
  const store = await storeWith({ subscriptions: [...rows, subscription('d', { nextAt: 9 })] })
  expect((await store.due('subscriptions', 8, 10)).map(({ id }) => id)).toEqual(['b', 'a'])
  expect(await store.due('subscriptions', 8, 1)).toHaveLength(1)
})

test('pages are ordered and go on after a key', async () => {
  const rows = ['c', 'a', 'b'].map((id) => subscription(id, { server: id === 'b' ? 'other' : 'server' }))
  const store = await storeWith({ subscriptions: rows })
  expect((await store.page('subscriptions', { limit: 2 })).map(({ id }) => id)).toEqual(['a', 'b'])
  expect((await store.page('subscriptions', { after: 'a', limit: 9, server: 'server' })).map(({ id }) => id)).toEqual([
    'c',
  ])
})

test('a walk over pages sees every row once that was there all the time, and none that was removed', async () => {
  const ids = Array.from({ length: 10 }, (_, i) => `id ${i}`)
  const store = await storeWith({ subscriptions: ids.map((id) => subscription(id)) })
  const seen: string[] = []
  for (let after = ''; ; after = seen.at(-1) as string) {
    const rows = await store.page('subscriptions', { after, limit: 3 })
    seen.push(...rows.map(({ id }) => id))
    if (rows.length < 3) break
    if (after === '') {
      const changes = { remove: { subscriptions: ['id 0', 'id 7'] } }
      await store.atomic({}, () => ({ changes, result: undefined }))
    }
  }
  expect(seen).toEqual(ids.filter((id) => id !== 'id 7'))
  expect(await store.page('subscriptions', { after: 'id 8', limit: 3 })).toHaveLength(1)
})

test('dead letters are bounded, newest first', async () => {
  const letters = Array.from({ length: 2500 }, (_, at) => {
    return { at, token: 't', provider: 'p', kind: 'check' as const, attempts: 1, reason: 'r' }
  })
  const store = await storeWith({ deadLetters: letters })
  expect((await store.deadLetters(2)).map(({ at }) => at)).toEqual([2499, 2498])
  expect((await store.deadLetters(9999)).length).toBeLessThanOrEqual(2000)
})

test('refuses everything after close', async () => {
  const store = memoryStore()
  await store.close()
  for (const call of [() => store.read({}), () => store.page('outbox', { limit: 1 }), () => store.swapClean(true)]) {
    await expect(call()).rejects.toMatchObject({ code: 'STORE_CLOSED' })
  }
})
