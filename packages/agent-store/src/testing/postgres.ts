// Stores in schemas of a real PostgreSQL that go away with the test.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { type PostgresServer, postgresMissing, testDatabase } from '../../../../scripts/postgres.mjs'
import type { StoreUnderTest } from '../conformance.js'
import { openPostgresStore, type PostgresStore, type PostgresStoreOptions } from '../postgres.js'

const missing = postgresMissing()
/** For `describe.skipIf`. */
export const withoutPostgres = missing !== undefined
/** `PostgreSQL …`, with the reason why it did not run. */
export const titled = (title: string) => `PostgreSQL ${title}${missing ? ` did not run: ${missing}` : ''}`

export interface Schema {
  readonly name: string
  /** For connections to it. */
  pool(more?: pg.PoolConfig): pg.Pool
  /** Also ends its pools. */
  remove(): Promise<void>
}

export interface Database {
  readonly url: string
  /** One statement on a connection of its own. */
  ask(text: string, values?: unknown[]): Promise<pg.QueryResultRow[]>
  schema(): Promise<Schema>
  drop(): Promise<void>
}

/** One for each test file, with a schema for each test. */
export async function openDatabase(server?: PostgresServer): Promise<Database> {
  const { url, drop } = await testDatabase(server?.url)
  const admin = new pg.Pool({ connectionString: url })
  // Tests end connections, also idle ones.
  admin.on('error', () => {})

  async function ask(text: string, values: unknown[] = []) {
    return (await admin.query(text, values)).rows as pg.QueryResultRow[]
  }

  return {
    url,
    ask,
    async schema() {
      const name = `s${randomBytes(6).toString('hex')}`
      await ask(`CREATE SCHEMA ${name}`)
      const pools: pg.Pool[] = []
      return {
        name,
        pool(more) {
          const pool = new pg.Pool({
            connectionString: url,
            options: `-c search_path=${name}`,
            pipeline: true,
            ...more,
          })
          pool.on('error', () => {})
          pools.push(pool)
          return pool
        },
        async remove() {
          await Promise.all(pools.map((pool) => pool.end()))
          await ask(`DROP SCHEMA ${name} CASCADE`)
        },
      }
    },
    async drop() {
      await admin.end()
      await drop()
    },
  }
}

export async function openForSuite(
  database: Database,
  options: PostgresStoreOptions,
  more: pg.PoolConfig = {},
): Promise<StoreUnderTest & { readonly store: PostgresStore }> {
  const schema = await database.schema()
  const pool = schema.pool(more)
  let store = await openPostgresStore(pool, options)
  return {
    store,
    async reopen() {
      await store.close()
      store = await openPostgresStore(pool, options)
      return store
    },
    stored: () => bytesOfSchema(database, schema.name),
    async remove() {
      await store.close()
      await schema.remove()
    },
  }
}

/** All that the rows of a schema hold. */
async function bytesOfSchema(database: Database, schema: string): Promise<Uint8Array> {
  const tables = await database.ask('SELECT table_name FROM information_schema.tables WHERE table_schema = $1', [
    schema,
  ])
  const rows = await Promise.all(tables.map(({ table_name }) => database.ask(`SELECT * FROM ${schema}.${table_name}`)))
  const values = rows.flat().flatMap((row) => Object.values(row))
  return Buffer.concat(values.map((value) => (Buffer.isBuffer(value) ? value : Buffer.from(String(value)))))
}
