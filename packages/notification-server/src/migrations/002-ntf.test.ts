// A database of the first version is that of an operator who has not updated since: all that it has stays, and nothing in it is of the NTF protocol.
import { openPostgresTables, openSqliteTables, requestsOf, type TableStore, table } from '@smpkit/agent-store/internal'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { notification, owed, subscription, token, write } from '../conformance-support.js'
import { openPostgresNotificationStore } from '../postgres.js'
import { openSqliteNotificationStore } from '../sqlite.js'
import type { NotificationStore } from '../store.js'
import { mappings } from '../stored-rows.js'
import { schema, tables } from '../tables.js'
import { openDatabase, type Database as Postgres, titled, withoutPostgres } from '../testing/postgres.js'
import { migration as first } from './001-notification.js'

const { ntf: _, ...tokenColumns } = tables.tokens.columns
const { sent: __, place: ___, ...notificationColumns } = tables.notifications.columns
const firstTables = {
  ...tables,
  tokens: { ...tables.tokens, columns: tokenColumns },
  notifications: table({
    columns: notificationColumns,
    key: ['subscription'],
    indexes: { byToken: ['token'] },
    ordered: { oldest: ['token', 'seq'] },
  }),
} as const
const firstSchema = { ...schema, tables: firstTables, migrations: [first] }
const { put } = requestsOf(firstTables)

const key = new Uint8Array(32).fill(3)
const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const queues = ids.map((id) => `queue of ${id}`)
const rows = {
  tokens: ids.map((id) => token(id)),
  subscriptions: ids.map((id, i) => subscription(queues[i] as string, { token: id })),
  // Of one token, against the order of their keys.
  notifications: queues.map((id, i) => notification(id, 1_700_000_000_000_000 - i, 'a')),
  outbox: [owed('a', { kind: 'message' })],
}

async function writeFirst(store: TableStore<typeof firstTables>): Promise<void> {
  await store.atomic({}, () => {
    const writes = [
      ...rows.tokens.map((row) => {
        const { ntf: _, ...stored } = mappings.tokens.stored(row)
        return put('tokens', stored)
      }),
      ...rows.subscriptions.map((row) => put('subscriptions', row)),
      ...rows.notifications.map((row) => {
        const { sent: _, place: __, ...stored } = mappings.notifications.stored(row)
        return put('notifications', stored)
      }),
      ...rows.outbox.map((row) => put('outbox', row)),
    ]
    return { writes, result: undefined }
  })
  await store.close()
}

async function expectAll(store: NotificationStore): Promise<void> {
  const oldest = await store.read({
    tokens: { id: ids },
    subscriptions: { id: queues },
    notifications: { first: { tokens: ids, limit: 5 } },
    outbox: { id: rows.outbox.map(({ id }) => id) },
  })
  expect(oldest).toMatchObject({ ...rows, notifications: rows.notifications.slice(-5).reverse() })
  const sent = { ...(rows.notifications[0] as (typeof rows.notifications)[0]), sent: true }
  await write(store, { tokens: [token('i', { ntf: true })], notifications: [sent] })
  const { tokens, notifications } = await store.read({
    tokens: { id: ['a', 'i'] },
    notifications: { first: { tokens: ['a'], limit: 1 } },
  })
  expect(tokens.map(({ ntf }) => ntf)).toEqual([false, true])
  expect(notifications).toEqual([sent])
}

it.each([
  ['not encrypted', null],
  ['encrypted', key],
])('SQLite, %s: rows of the first version stay', async (_name, key) => {
  // `serialize` copies what the closed store of a file would leave.
  const before = new Database(':memory:')
  const copied: Buffer[] = []
  const close = before.close.bind(before)
  before.close = () => {
    copied.push(before.serialize())
    return close()
  }
  await writeFirst(await openSqliteTables(firstSchema, before, { key }))
  const store = await openSqliteNotificationStore(new Database(copied[0]), { key })
  await expectAll(store)
  await store.close()
})

it('SQLite finds the first notifications of a token by an index, in order', async () => {
  const database = new Database(':memory:')
  const store = await openSqliteNotificationStore(database)
  const query = 'SELECT text FROM notification_notifications WHERE token = ? AND place IS NOT NULL'
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${query} ORDER BY place, subscription LIMIT 13`).all('a')
  expect(plan.map((step) => (step as { detail: string }).detail)).toEqual([
    expect.stringMatching(/^SEARCH .* USING INDEX notification_notifications_placed \(token=\?/),
  ])
  await store.close()
})

describe.skipIf(withoutPostgres)(titled('keeps rows of the first version'), () => {
  let database: Postgres
  beforeAll(async () => {
    database = await openDatabase()
  })
  afterAll(() => database?.drop())

  it.each([
    ['not encrypted', null],
    ['encrypted', key],
  ])('%s', async (_name, key) => {
    const place = await database.schema()
    await writeFirst(await openPostgresTables(firstSchema, place.pool(), { key }))
    const store = await openPostgresNotificationStore(place.pool(), { key })
    await expectAll(store)
    await store.close()
    await place.remove()
  })
})
