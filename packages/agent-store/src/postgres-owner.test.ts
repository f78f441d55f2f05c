import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { agentSchema } from './agent-schema.js'
import { createCells } from './cells.js'
import { tableNames } from './conformance-support.js'
import { get, insert } from './contract.js'
import { layoutOf, tableName } from './layout.js'
import { openPostgresStore, type PostgresStore, type PostgresStoreOptions } from './postgres.js'
import { createSql } from './sql.js'
import { postgresDialect } from './sql-text.js'
import type { TableDefinition } from './table.js'
import { tables } from './tables.js'
import { type Database, openDatabase, type Schema, titled, withoutPostgres } from './testing/postgres.js'

describe.skipIf(withoutPostgres)(titled('when it is opened'), () => {
  let database: Database
  let schema: Schema
  const stores: PostgresStore[] = []

  beforeAll(async () => {
    database = await openDatabase()
  })
  beforeEach(async () => {
    schema = await database.schema()
  })
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close()
    await schema.remove()
  })
  afterAll(() => database?.drop())

  async function open(options?: PostgresStoreOptions): Promise<PostgresStore> {
    const store = await openPostgresStore(schema.pool(), options)
    stores.push(store)
    return store
  }
  const openAndClose = async (options?: PostgresStoreOptions) => (await open(options)).close()

  it('has the columns of the tables that the contract describes', async () => {
    await open()
    const types = { bytes: 'bytea', int: 'bigint', text: 'text', bool: 'boolean' }
    for (const table of tableNames) {
      const columns = await database.ask(
        `SELECT column_name, data_type, is_nullable, collation_name FROM information_schema.columns
          WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position`,
        [schema.name, tableName(agentSchema, table)],
      )
      expect(columns).toEqual(
        layoutOf(agentSchema)[table]?.columns.map(({ name, column }) => ({
          column_name: name,
          data_type: types[column.type],
          is_nullable: column.nullable ? 'YES' : 'NO',
          // Texts in the order of their bytes, wherever it runs.
          collation_name: column.type === 'text' ? 'C' : null,
        })),
      )
    }
  })

  it('finds rows by an index wherever the contract has one', async () => {
    await open()
    const sql = createSql(agentSchema, postgresDialect)
    const cells = createCells('agent', null)
    const sample = { bytes: new Uint8Array(1), int: 1, text: 'x', bool: true }
    const client = await schema.pool().connect()
    await client.query('SET enable_seqscan = off')
    for (const table of tableNames) {
      const { columns, indexes }: TableDefinition = tables[table]
      for (const [index, names] of Object.entries(indexes)) {
        const values = Object.fromEntries(names.map((name) => [name, sample[columns[name]?.type ?? 'int']]))
        const [{ text } = { text: '' }] = sql.query({ table, index, values }, cells)
        const { rows } = await client.query(`EXPLAIN (GENERIC_PLAN) ${text}`)
        expect(JSON.stringify(rows), `${table} ${index}`).not.toContain('Seq Scan')
      }
    }
    client.release()
  })

  it('refuses a newer database and a migration that was changed', async () => {
    await openAndClose()
    const migrations = `${schema.name}.agent_migrations`
    await database.ask(`INSERT INTO ${migrations} (number, name, checksum) VALUES (99, 'later', 'x')`)
    await expect(open()).rejects.toMatchObject({ code: 'NEWER' })
    await database.ask(`DELETE FROM ${migrations} WHERE number = 99`)
    await openAndClose()
    await database.ask(`UPDATE ${migrations} SET checksum = 'x'`)
    await expect(open()).rejects.toMatchObject({ code: 'CHECKSUM' })
  })

  it('refuses a wrong key, a missing one, and one that is not needed; and can be opened afterwards', async () => {
    const [key, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    await openAndClose({ key })
    for (const wrong of [other, null, undefined])
      await expect(open({ key: wrong })).rejects.toMatchObject({ code: 'KEY' })
    await expect(open({ key: new Uint8Array(31) })).rejects.toMatchObject({ code: 'KEY' })
    await openAndClose({ key })
    const plain = await database.schema()
    const store = await openPostgresStore(plain.pool())
    await store.close()
    await expect(openPostgresStore(plain.pool(), { key })).rejects.toMatchObject({ code: 'KEY' })
    await plain.remove()
  })

  it('marks the connections of a restored database: by its mark, or when it is told', async () => {
    const connId = new Uint8Array([1])
    const connection = {
      connId,
      mode: 'invitation',
      userId: '',
      agentVersion: 7,
      pqSupport: false,
      notifications: false,
      synchronization: 'ok',
      deletion: 'no',
      deletedAt: 0,
      lastMessageId: 0,
      lastSentId: 0,
      lastSentHash: new Uint8Array(),
      lastReceivedId: '0',
      lastReceivedHash: new Uint8Array(),
      createdAt: 0,
    } as const
    const ratchet = { connId, version: 1, keys: null, params: null, peerKeys: null, state: new Uint8Array([1]) }
    const without = new Uint8Array([2])
    const first = await open()
    await first.atomic({}, () => ({
      writes: [
        insert('connections', connection),
        insert('connections', { ...connection, connId: without }),
        insert('ratchets', ratchet),
      ],
      result: undefined,
    }))
    const synchronization = async (store: PostgresStore) => {
      const found = await store.read({ a: get('connections', { connId }), b: get('connections', { connId: without }) })
      return [found.a?.synchronization, found.b?.synchronization]
    }
    const reset = () => database.ask(`UPDATE ${schema.name}.agent_connections SET synchronization = 'ok'`)
    expect(await synchronization(first)).toEqual(['ok', 'ok'])
    await first.markRestored()
    expect(await synchronization(first)).toEqual(['restored', 'ok'])
    await first.close()

    await reset()
    await database.ask(`INSERT INTO ${schema.name}.agent_meta (name, value) VALUES ('restored', 'yes')`)
    const second = await open()
    expect(await synchronization(second)).toEqual(['restored', 'ok'])
    await second.close()
    await reset()
    expect(await synchronization(await open())).toEqual(['ok', 'ok'])
  })
})
