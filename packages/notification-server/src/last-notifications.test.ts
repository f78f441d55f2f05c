// Spec 22 §6 (24 §1 rows D7, D8): what clients of the NTF protocol get besides the newest notification, and when they get none.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memoryStore } from './memory-store.js'
import { openSqliteNotificationStore } from './sqlite.js'
import type { NotificationStore } from './store.js'
import { mortal } from './testing/fakes.js'
import { settled } from './testing/manual-clock.js'
import { allAnswered, Device, Queue, setUp, up, withQueues } from './testing/setup.js'

const minute = 60_000

interface Place {
  readonly store: NotificationStore
  /** What another process finds after this one was killed. */
  reopen(): Promise<NotificationStore>
}

async function inMemory(): Promise<Place> {
  const store = memoryStore()
  return { store, reopen: async () => store }
}

async function inFile(): Promise<Place> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smpkit-last-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  const open = () => openSqliteNotificationStore(new Database(path.join(folder, 'notification.db')))
  const store = await open()
  const opened = [store]
  onTestFinished(async () => {
    for (const one of opened) await one.close()
  })
  const reopen = async () => {
    await store.close()
    const again = await open()
    opened.push(again)
    return again
  }
  return { store, reopen }
}

const ofNtf = () => new Device('ntf/owner', 'token', 'fake', true)

const rowsOf = async (store: NotificationStore, { id }: Device) =>
  (await store.read({ notifications: { first: { tokens: [id], limit: 99 } } })).notifications

const gone = { outcome: 'gone', reason: 'UNREGISTERED' } as const

describe.each([
  ['memory', inMemory],
  ['SQLite', inFile],
])('last notifications, in %s', (_name, place) => {
  const withNtf = async (count: number, store?: NotificationStore) =>
    withQueues(count, { store: store ?? (await place()).store }, ofNtf())

  test('D7: of seven queues the six that were notified last are in a push, the newest last', async () => {
    const { device, provider, notify } = await withNtf(7)
    for (let queue = 1; queue <= 7; queue++) await notify(queue)
    expect(device.queues(provider.pushes)).toEqual([
      '1',
      '1,2',
      '1,2,3',
      '1,2,3,4',
      '1,2,3,4,5',
      '1,2,3,4,5,6',
      '2,3,4,5,6,7',
    ])
  })

  test('D7: an item is what was pushed before, byte by byte', async () => {
    const { device, provider, notify, clock } = await withNtf(2)
    await notify(1)
    await clock.advance(5000)
    await notify(2)
    const [first, second] = device.open(provider.pushes)
    if (first?.kind !== 'message' || second?.kind !== 'message') throw new Error('expected messages')
    expect(second.items[0]).toEqual(first.items[0])
    expect(second.items[1]?.ntfTs).toBe((first.items[0]?.ntfTs ?? 0) + 5)
  })

  test('D7: a queue that is notified again is in a push once, with its newest item, last', async () => {
    const { device, provider, notify, subscriber, queues } = await withNtf(3)
    await notify(1)
    await notify(2)
    await notify(3)
    const event = (queues[0] as Queue).notification()
    subscriber.emit(event)
    await settled()
    await notify(1, 1, 1)
    await notify(2)
    expect(device.queues(provider.pushes)).toEqual(['1', '1,2', '1,2,3', '2,3,1', '2,3,1', '3,1,2'])
    const opened = device.open(provider.pushes)[3]
    expect(opened).toMatchObject({ items: [{}, {}, { nonce: event.nonce, encMeta: event.encMeta }] })
  })

  test('D7: more than six queues that wait make several pushes, oldest first, the last one filled', async () => {
    const { device, provider, notify } = await withNtf(14)
    await notify(...Array.from({ length: 14 }, (_, i) => i + 1))
    expect(device.queues(provider.pushes)).toEqual(['1,2,3,4,5,6', '7,8,9,10,11,12', '9,10,11,12,13,14'])
  })

  test('D7: no more are repeated than fit beside what is owed', async () => {
    const setup = await setUp({ store: (await place()).store })
    const device = await ofNtf().activate(setup)
    const long = Array.from({ length: 5 }, (_, i) => `${i}${'x'.repeat(180)}.example`)
    const { server } = new Queue(0)
    const longServer = { ...server, hosts: long.map((text) => ({ type: 'domain' as const, text })) }
    const queues = [1, 2, 3, 4].map((number) => new Queue(number, number === 4 ? server : longServer))
    for (const queue of queues) await queue.add(setup, device)
    const notify = async (...numbers: number[]) => {
      setup.subscriber.emit(...numbers.map((number) => (queues[number - 1] as Queue).notification()))
      await settled()
    }
    for (const number of [1, 2, 3, 4]) await notify(number)
    await notify(1, 2, 3)
    expect(device.queues(setup.provider.pushes)).toEqual(['1', '1,2', '2,3', '2,3,4', '1,2', '2,3'])
  })

  test('D7: one that fits no push makes the device look, and is repeated in none', async () => {
    const { device, provider, subscriber, queues, notify, store } = await withNtf(2)
    subscriber.emit({ ...(queues[0] as Queue).notification(), encMeta: new Uint8Array(3000) })
    await settled()
    await notify(2)
    expect(device.queues(provider.pushes)).toEqual(['check', '2'])
    expect(await rowsOf(store, device)).toHaveLength(1)
  })

  test('D7: at most six stay for a token, each of its own queue, and all of them were sent', async () => {
    const { device, notify, store, setup, provider } = await withNtf(9)
    const other = await new Device('ntf/other', 'other token', 'fake', true).activate(setup)
    const theirs = new Queue(30)
    await theirs.add(setup, other)
    setup.subscriber.emit(theirs.notification())
    await notify(1, 2, 3, 4)
    for (const queue of [5, 6, 7, 8, 9, 1]) await notify(queue)
    const rows = await rowsOf(store, device)
    expect(rows.map(({ sent }) => sent)).toEqual(new Array(6).fill(true))
    expect(new Set(rows.map(({ subscription }) => subscription)).size).toBe(6)
    expect(device.queues(provider.pushes).at(-1)).toBe('5,6,7,8,9,1')
    expect(await rowsOf(store, other)).toMatchObject([{ sent: true }])
  })

  test('D7: what was sent is owed no more, also not after a restart, and is still repeated then', async () => {
    const { store, reopen } = await place()
    const first = await withNtf(3, store)
    const { device, clock, notify, provider } = first
    await notify(1, 2)
    await clock.advance(60 * minute)
    expect(device.queues(provider.pushes)).toEqual(['1,2'])
    expect(await first.server.status()).toMatchObject({ pushes: { inFlight: 0, owed: 0 } })
    await first.server.close()
    const second = await setUp({ store: await reopen(), clock })
    second.subscriber.emit(up(), allAnswered())
    await clock.advance(60 * minute)
    expect(second.provider.pushes).toEqual([])
    second.subscriber.emit((first.queues[2] as Queue).notification())
    await settled()
    expect(device.queues(second.provider.pushes)).toEqual(['1,2,3'])
    await second.server.close()
  })

  test('D7: killed between the acceptance and its settlement, the next start pushes once more, in the same order', async () => {
    const { store, reopen } = await place()
    const dying = mortal(store)
    const { device, clock, notify, provider, queues } = await withNtf(8, dying.store)
    await notify(1, 2, 3)
    provider.hold = true
    await notify(4, 5)
    dying.die()
    provider.release()
    await settled()
    expect(device.queues(provider.pushes)).toEqual(['1,2,3', '1,2,3,4,5'])
    const second = await setUp({ store: await reopen(), clock })
    await settled()
    second.subscriber.emit((queues[0] as Queue).notification())
    await settled()
    expect(device.queues(second.provider.pushes)).toEqual(['1,2,3,4,5', '2,3,4,5,1'])
    await second.server.close()
  })

  test('D7: a store that fails to settle once makes one more push, and loses or doubles nothing', async () => {
    const { store, failures } = mortal((await place()).store)
    const { device, clock, notify, provider } = await withNtf(3, store)
    await notify(1)
    provider.hold = true
    await notify(2)
    failures.next = 1
    provider.hold = false
    provider.release()
    await clock.advance(minute)
    failures.next = 1
    await notify(3)
    await clock.advance(minute)
    expect(device.queues(provider.pushes)).toEqual(['1', '1,2', '1,2', '1,2,3'])
    expect((await rowsOf(store, device)).map(({ sent }) => sent)).toEqual([true, true, true])
  })

  test('D7: a queue that is notified while its push is in flight is owed again, and not taken as sent', async () => {
    const { device, notify, provider, store } = await withNtf(2)
    provider.hold = true
    await notify(1, 2)
    await notify(1)
    provider.hold = false
    provider.release()
    await settled()
    expect(device.queues(provider.pushes)).toEqual(['1,2', '2,1'])
    expect((await rowsOf(store, device)).map(({ sent }) => sent)).toEqual([true, true])
  })

  test('D7: a push that is refused or tried again sends what it owed with the next', async () => {
    const { device, notify, provider, clock } = await withNtf(3)
    await notify(1)
    provider.outcomes.push({ outcome: 'refused', reason: 'BadTopic' }, { outcome: 'retry', afterMs: 0, reason: '503' })
    await notify(2)
    await notify(3)
    await clock.advance(minute)
    expect(device.queues(provider.pushes)).toEqual(['1', '1,2', '1,2,3', '1,2,3'])
  })

  test('D7: what belongs to a deleted subscription is repeated no more', async () => {
    const { device, notify, provider, server, store } = await withNtf(3)
    await notify(1)
    await notify(2)
    const [first] = await rowsOf(store, device)
    await server.subscriptions.remove({ owner: device.owner, id: first?.subscription ?? '' })
    await notify(3)
    expect(device.queues(provider.pushes)).toEqual(['1', '1,2', '2,3'])
  })

  test('D7: nothing stays of a deleted token', async () => {
    const { device, notify, server, store } = await withNtf(7)
    for (let queue = 1; queue <= 7; queue++) await notify(queue)
    await server.tokens.remove(device)
    expect(await rowsOf(store, device)).toEqual([])
  })

  test('D7: a token that turned invalid and is back gets what it is owed, and what was sent before', async () => {
    const { device, notify, provider, setup, server } = await withNtf(4)
    await notify(1)
    provider.outcomes.push(gone)
    await notify(2)
    expect(await server.tokens.get(device)).toMatchObject({ status: 'invalid' })
    await notify(3)
    await device.register(setup)
    await device.verify(setup)
    const [sent, refused, verification, ...after] = device.queues(provider.pushes)
    expect([sent, refused, verification]).toEqual(['1', '1,2', 'verification'])
    expect(after.sort()).toEqual(['1,2', 'check'])
    await notify(4)
    expect(device.queues(provider.pushes).at(-1)).toBe('1,2,4')
  })

  test('D7: under another device token it goes on, with what was sent to the one before', async () => {
    const { device, notify, provider, setup } = await withNtf(2)
    await notify(1)
    await device.replace(setup, 'another')
    await device.verify(setup)
    await notify(2)
    expect(device.queues(provider.pushes)).toEqual(['verification', '1,2'])
  })

  test('D7: a device of a service client is repeated nothing, and nothing of it stays', async () => {
    const { device, notify, provider, store } = await withQueues(3, { store: (await place()).store })
    await notify(1)
    await notify(2, 3)
    expect(device.queues(provider.pushes)).toEqual(['1', '2,3'])
    expect(await rowsOf(store, device)).toEqual([])
  })

  test('D8: a notification for a device that is not verified is dropped, and the device looks once it is', async () => {
    const { device, notify, provider, setup, store, server, clock } = await withNtf(2)
    await device.replace(setup, 'another')
    await notify(1, 2)
    await notify(1)
    await clock.advance(60 * minute)
    expect(device.queues(provider.pushes)).toEqual(['verification'])
    expect(await rowsOf(store, device)).toEqual([])
    expect(server.metrics().received).toEqual({ known: 0, unknown: 3 })
    await device.verify(setup)
    expect(device.queues(provider.pushes)).toEqual(['verification', 'check'])
    await clock.advance(60 * minute)
    await notify(2)
    expect(device.queues(provider.pushes)).toEqual(['verification', 'check', '2'])
    expect(server.metrics().received).toEqual({ known: 1, unknown: 3 })
  })

  test('D8: it is dropped for a dead device too, whose earlier items stay as they were', async () => {
    const { device, notify, provider, store, server } = await withNtf(1)
    await notify(1)
    const before = await rowsOf(store, device)
    provider.outcomes.push(gone)
    await notify(1)
    await notify(1)
    const [row] = await rowsOf(store, device)
    expect(row).toMatchObject({ sent: false })
    expect(row?.seq).toBeGreaterThan(before[0]?.seq ?? 0)
    expect(server.metrics().received).toEqual({ known: 2, unknown: 1 })
    expect(provider.pushes).toHaveLength(2)
  })

  test('D8: one for a device of a service client that is not verified is kept for it', async () => {
    const { device, notify, provider, setup, server } = await withQueues(1, { store: (await place()).store })
    await device.replace(setup, 'another')
    await notify(1)
    await device.verify(setup)
    expect(device.queues(provider.pushes)).toEqual(['verification', '1'])
    expect(server.metrics().received).toEqual({ known: 1, unknown: 0 })
  })
})
