import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { allRows, failure, sample, tableNames, write } from './conformance-support.js'
import { type AgentStore, find, insert } from './contract.js'
import type { AnyRow } from './queries.js'
import { openSqliteStore, type SqliteDatabase } from './sqlite.js'
import { tables } from './tables.js'
import { bytesOfDatabase, libraries, noLibrary, openFile, temporaryFolder } from './testing/sqlite.js'

const [keyA, keyB] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]

/** Rows of all tables, and every secret in them. */
const rows = tableNames.flatMap((table) =>
  Array.from({ length: 5 }, (_, i) => {
    const secrets = Object.entries(tables[table].columns).filter(([, column]) => column.secret)
    const values = Object.fromEntries(secrets.map(([name]) => [name, new Uint8Array(randomBytes(40))]))
    return { table, row: sample(table, i + 1, values), secrets: Object.values(values) }
  }),
)
const secrets = rows.flatMap((row) => row.secrets)

let folder: ReturnType<typeof temporaryFolder>
let file: string

beforeEach(() => {
  folder = temporaryFolder()
  file = `${folder.path}/agent.db`
})

afterEach(() => folder.remove())

const fill = (store: AgentStore) => write(store, ...rows.map(({ table, row }) => insert(table, row)))

async function everything(store: AgentStore) {
  const all: AnyRow = Object.fromEntries(
    await Promise.all(tableNames.map(async (table) => [table, await allRows(store, table)] as const)),
  )
  return all
}

function visible(): number {
  const stored = bytesOfDatabase(file)
  return secrets.filter((secret) => stored.includes(Buffer.from(secret))).length
}

it('no secret is in the files of an encrypted database, neither open nor closed', async () => {
  const store = await openSqliteStore(openFile(file), { key: keyA })
  expect(store.supports.encrypted).toBe(true)
  await fill(store)
  expect(bytesOfDatabase(file).includes('text 3')).toBe(true)
  expect(visible()).toBe(0)
  await store.close()
  expect(visible()).toBe(0)
})

for (const [name, open] of Object.entries(libraries)) {
  if (open === undefined) {
    it(`${name} did not run`, ({ skip }) => skip(noLibrary))
    continue
  }
  it(`a key can be set, changed and taken away, and leaves no trace of what was before, with ${name}`, async () => {
    let key: Uint8Array | null = null
    let store = await openSqliteStore(open(file), { key })
    await fill(store)
    const before = await everything(store)
    const recipientId = (before.receiveQueues as { recipientId: Uint8Array }[])[0]?.recipientId as Uint8Array
    expect(visible()).toBe(secrets.length)
    for (const next of [keyA, keyB, null, keyB]) {
      await store.rekey(next)
      expect(store.supports.encrypted).toBe(next !== null)
      expect(visible()).toBe(next === null ? secrets.length : 0)
      expect(await everything(store)).toStrictEqual(before)
      const { found } = await store.read({ found: find('receiveQueues', 'byRecipientId', { recipientId }) })
      expect(found).toHaveLength(1)
      await store.close()
      expect(visible()).toBe(next === null ? secrets.length : 0)
      await expect(openSqliteStore(open(file), { key })).rejects.toThrow(expect.objectContaining({ code: 'KEY' }))
      key = next
      store = await openSqliteStore(open(file), { key })
      expect(await everything(store)).toStrictEqual(before)
    }
    await store.close()
  })
}

it('a change of the key that fails changes nothing', async () => {
  const database = openFile(file)
  const store = await openSqliteStore(database, { key: keyA })
  await fill(store)
  const before = await everything(store)
  database.exec("CREATE TRIGGER full BEFORE UPDATE ON agent_short_links BEGIN SELECT RAISE(ABORT, 'no'); END")
  expect(await failure(store.rekey(keyB), 'rekey')).toMatchObject({ code: 'UNAVAILABLE' })
  expect(await everything(store)).toStrictEqual(before)
  await store.close()
  const again = await openSqliteStore(openFile(file), { key: keyA })
  expect(await everything(again)).toStrictEqual(before)
  await again.close()
})

it('a new key is in force where old pages cannot be removed, which they are when it is opened again', async () => {
  const database = openFile(file)
  const isVacuum = (sql: string) => sql === 'VACUUM'
  const failing: SqliteDatabase = {
    exec(sql) {
      if (isVacuum(sql)) throw Object.assign(new Error('full'), { code: 'SQLITE_FULL' })
      return database.exec(sql)
    },
    prepare: (sql) => database.prepare(sql),
    close: () => database.close(),
  }
  const store = await openSqliteStore(failing)
  await fill(store)
  const before = await everything(store)
  await store.rekey(keyA)
  expect(await everything(store)).toStrictEqual(before)
  expect(visible()).toBeGreaterThan(0)
  await store.close()
  const again = await openSqliteStore(openFile(file), { key: keyA })
  expect(visible()).toBe(0)
  expect(await everything(again)).toStrictEqual(before)
  await again.close()
})

it('a call that waits while the key is changed finds rows by their secrets', async () => {
  const store = await openSqliteStore(openFile(file), { key: keyA })
  await fill(store)
  const { rows: queues } = await store.read({ rows: find('receiveQueues', 'byDeleted', { deleted: true }) })
  const recipientId = queues[0]?.recipientId ?? new Uint8Array()
  const query = { found: find('receiveQueues', 'byRecipientId', { recipientId }) }
  const count = () => store.atomic(query, ({ found }) => ({ writes: [], result: found.length }))
  const [before, , after] = await Promise.all([count(), store.rekey(keyB), count()])
  expect([before, after]).toEqual([1, 1])
  await store.close()
})

it('a key of another length is refused before anything is done', async () => {
  const store = await openSqliteStore(openFile(file), { key: keyA })
  expect(await failure(store.rekey(new Uint8Array(31)), 'rekey')).toMatchObject({ code: 'KEY' })
  await write(store, insert('events', sample('events', 1)))
  await store.close()
})
