import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { notificationStoreSuite } from './conformance.js'
import { ids, notification, owed, subscription, token, write } from './conformance-support.js'
import { openSqliteNotificationStore } from './sqlite.js'
import type { NotificationStore } from './store.js'

const [keyA, keyB] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]

let folder: string
let file: string
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smpkit-store-'))
  file = path.join(folder, 'notification.db')
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

const open = (key: Uint8Array | null = null) => openSqliteNotificationStore(new Database(file), { key })
const bytesOfDatabase = () =>
  Buffer.concat([file, `${file}-wal`].filter((name) => fs.existsSync(name)).map((name) => fs.readFileSync(name)))

describe.each([
  ['not encrypted', null],
  ['encrypted', keyA],
])('SQLite, %s', (_name, key) => {
  notificationStoreSuite({ describe, it }, async () => {
    let store = await open(key)
    return {
      store,
      durable: true,
      encrypted: key !== null,
      async reopen() {
        await store.close()
        store = await open(key)
        return store
      },
      stored: async () => bytesOfDatabase(),
      remove: () => store.close(),
    }
  })
})

const everything = (store: NotificationStore) =>
  store.read({
    tokens: { owner: ['owner'], device: ['fake/a device that nobody may know'] },
    subscriptions: { owner: ['owner'] },
    notifications: { subscription: ['a'] },
  })

it('a key can be set, changed and taken away, and leaves no trace of what was before', async () => {
  const secret = 'a device that nobody may know'
  let store = await open()
  await write(store, {
    tokens: [token('a', { deviceToken: secret, owner: 'other' }), token('b')],
    subscriptions: [subscription('a')],
    notifications: [notification('a', 1)],
  })
  const before = await everything(store)
  expect(ids(before.tokens)).toEqual(['a', 'b'])
  for (const key of [keyA, keyB, null, keyB]) {
    await store.rekey(key)
    expect(store.supports.encrypted).toBe(key !== null)
    expect(await everything(store)).toEqual(before)
    await store.close()
    expect(bytesOfDatabase().includes(secret)).toBe(key === null)
    await expect(open(new Uint8Array(32).fill(9))).rejects.toMatchObject({ code: 'KEY' })
    store = await open(key)
    expect(await everything(store)).toEqual(before)
  }
  await store.close()
})

it('a backup is one of a server that did not stop orderly, and has all rows', async () => {
  const store = await open(keyA)
  await write(store, { tokens: [token('a')] })
  await store.swapClean(true)
  const copy = path.join(folder, 'copy.db')
  await store.backup(copy)
  const restored = await openSqliteNotificationStore(new Database(copy), { key: keyA })
  expect(await restored.swapClean(true)).toBe(false)
  expect((await restored.read({ tokens: { id: ['a'] } })).tokens).toEqual([token('a')])
  await restored.close()
  expect(await store.swapClean(true)).toBe(true)
  await store.markRestored()
  expect(await store.swapClean(true)).toBe(false)
  await store.close()
})

it('a backup of a store that never had a server is not one of a server that stopped orderly', async () => {
  const store = await open()
  await store.markRestored()
  expect(await store.swapClean(true)).toBe(false)
  await store.close()
})

it('a second one of the same file is refused', async () => {
  const store = await open()
  await expect(open()).rejects.toMatchObject({ code: 'LOCKED' })
  await store.close()
  await (await open()).close()
})

it('a full disk is a temporary error, nothing that settled is lost, and it goes on when there is space', async () => {
  const database = new Database(file)
  const store = await openSqliteNotificationStore(database, { key: keyA })
  const size = database.prepare('PRAGMA page_count').all() as { page_count: number }[]
  database.exec(`PRAGMA max_page_count = ${(size[0]?.page_count ?? 0) + 20}`)
  const written: string[] = []
  const errors: unknown[] = []
  for (let i = 0; i < 500 && errors.length < 3; i++) {
    const id = randomBytes(100).toString('hex')
    const row = subscription(id, { address: 'x'.repeat(500) })
    await write(store, { subscriptions: [row], outbox: [owed(id)] }).then(
      () => written.push(id),
      (error: unknown) => errors.push(error),
    )
  }
  expect(errors).toHaveLength(3)
  for (const error of errors) expect(error).toMatchObject({ code: 'UNAVAILABLE', temporary: true })
  const all = async (from: NotificationStore) => {
    const found = await from.page('outbox', { limit: 1000 })
    expect(ids((await from.read({ subscriptions: { owner: ['owner'] } })).subscriptions)).toEqual(
      found.map(({ token }) => token).sort(),
    )
    return found.map(({ token }) => token).sort()
  }
  expect(await all(store)).toEqual([...written].sort())
  database.exec('PRAGMA max_page_count = 1000000')
  await write(store, { subscriptions: [subscription('after')], outbox: [owed('after')] })
  await store.close()
  const again = await open(keyA)
  expect(await all(again)).toEqual([...written, 'after'].sort())
  await again.close()
})
