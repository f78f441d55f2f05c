import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { find, get, insert } from './contract.js'
import { openPostgresStore } from './postgres.js'
import { type Database, openDatabase, type Schema, titled, withoutPostgres } from './testing/postgres.js'

const connId = new Uint8Array([1])
const secret = new TextEncoder().encode('a known secret that nobody else writes')
const queue = {
  connId,
  queueNo: 1,
  server: 'smp://x',
  recipientId: new TextEncoder().encode('a known recipient id'),
  senderId: new Uint8Array(),
  recipientKey: secret,
  bodySecret: secret,
  dhKey: secret,
  e2eSecret: null,
  status: 'new',
  isPrimary: true,
  replaces: null,
  switchStatus: 'none',
  clientVersion: 4,
  queueMode: null,
  deleted: false,
  deleteErrors: 0,
  lastMessageTs: 0,
  linkId: null,
  linkKey: null,
  linkSigningKey: null,
  linkFixedData: null,
  notifierId: null,
  notifierKey: null,
  notifierSecret: null,
} as const

describe.skipIf(withoutPostgres)(titled('with another key'), () => {
  let database: Database
  let schema: Schema
  beforeAll(async () => {
    database = await openDatabase()
    schema = await database.schema()
  })
  afterAll(async () => {
    await schema?.remove()
    await database?.drop()
  })

  /** The files of all tables, as far as this user may read them. */
  async function files(): Promise<Buffer> {
    await database.ask('CHECKPOINT')
    const rows = await database.ask(
      `SELECT pg_read_binary_file(pg_relation_filepath(oid)) AS bytes FROM pg_class
        WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'i')`,
      [schema.name],
    )
    return Buffer.concat(rows.map(({ bytes }) => bytes))
  }

  it('has the same rows, finds them by their secrets, and leaves no old ones behind', async () => {
    const pool = schema.pool()
    let store = await openPostgresStore(pool)
    await store.atomic({}, () => ({ writes: [insert('receiveQueues', queue)], result: undefined }))
    expect((await files()).includes(Buffer.from(secret))).toBe(true)
    for (const key of [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2), null]) {
      // Calls before and after it, without waiting.
      const query = { queues: find('receiveQueues', 'byRecipientId', { recipientId: queue.recipientId }) }
      const [before, , after] = await Promise.all([store.read(query), store.rekey(key), store.read(query)])
      expect([before.queues, after.queues]).toEqual([[queue], [queue]])
      expect(store.supports.encrypted).toBe(key !== null)
      expect((await files()).includes(Buffer.from(secret))).toBe(key === null)
      await store.close()
      const wrong = key === null ? new Uint8Array(32) : null
      await expect(openPostgresStore(pool, { key: wrong })).rejects.toMatchObject({ code: 'KEY' })
      store = await openPostgresStore(pool, { key })
      const { row } = await store.read({ row: get('receiveQueues', { connId, queueNo: 1 }) })
      expect(row).toEqual(queue)
    }
    await store.close()
  })

  it('removes old rows when it is opened, if the process ended before that', async () => {
    const pool = schema.pool()
    const key = new Uint8Array(32).fill(3)
    const first = await openPostgresStore(pool)
    await first.rekey(key)
    await first.close()
    await database.ask(`INSERT INTO ${schema.name}.agent_meta (name, value) VALUES ('vacuum', 'yes')`)
    const before = await database.ask(`SELECT pg_relation_filepath('${schema.name}.agent_ratchets') AS path`)
    await (await openPostgresStore(pool, { key })).close()
    const after = await database.ask(`SELECT pg_relation_filepath('${schema.name}.agent_ratchets') AS path`)
    expect(after).not.toEqual(before)
    expect(await database.ask(`SELECT 1 FROM ${schema.name}.agent_meta WHERE name = 'vacuum'`)).toEqual([])
  })

  it('has the new key where old rows cannot be removed', async () => {
    const fresh = await database.schema()
    const pool = fresh.pool()
    const store = await openPostgresStore({
      async connect() {
        const client = await pool.connect()
        const query = client.query.bind(client) as (asked: { text: string }) => Promise<{ rows: [] }>
        const failing = async (asked: { text: string }) => {
          if (asked.text.startsWith('VACUUM')) throw Object.assign(new Error('disk full'), { code: '53100' })
          return query(asked)
        }
        return Object.assign(Object.create(client), { query: failing, pipeline: false })
      },
    })
    await store.atomic({}, () => ({ writes: [insert('receiveQueues', queue)], result: undefined }))
    const key = new Uint8Array(32).fill(4)
    await store.rekey(key)
    const query = { row: get('receiveQueues', { connId, queueNo: 1 }) }
    expect((await store.read(query)).row).toEqual(queue)
    await store.close()
    const again = await openPostgresStore(pool, { key })
    expect((await again.read(query)).row).toEqual(queue)
    expect(await database.ask(`SELECT 1 FROM ${fresh.name}.agent_meta WHERE name = 'vacuum'`)).toEqual([])
    await again.close()
    await fresh.remove()
  })

  it('refuses a key of another length, and keeps the one it has', async () => {
    const key = new Uint8Array(32).fill(3)
    const store = await openPostgresStore(schema.pool(), { key })
    await expect(store.rekey(new Uint8Array(16))).rejects.toMatchObject({ code: 'KEY' })
    const { row } = await store.read({ row: get('receiveQueues', { connId, queueNo: 1 }) })
    expect(row).toEqual(queue)
    await store.close()
  })
})
