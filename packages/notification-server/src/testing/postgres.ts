// Schemas of a real PostgreSQL that go away with the test.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { postgresMissing, testDatabase } from '../../../../scripts/postgres.mjs'

const missing = postgresMissing()
/** For `describe.skipIf`. */
export const withoutPostgres = missing !== undefined
/** `PostgreSQL …`, with the reason why it did not run. */
export const titled = (title: string) => `PostgreSQL ${title}${missing ? ` did not run: ${missing}` : ''}`

export interface Schema {
  readonly name: string
  /** For connections to it. */
  pool(more?: pg.PoolConfig): pg.Pool
  /** All that its rows hold. */
  stored(): Promise<Uint8Array>
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
export async function openDatabase(): Promise<Database> {
  const { url, drop } = await testDatabase()
  const admin = new pg.Pool({ connectionString: url })
  // Tests end connections, also idle ones.
  admin.on('error', () => {})

  async function ask(text: string, values: unknown[] = []) {
    return (await admin.query(text, values)).rows as pg.QueryResultRow[]
  }

  async function stored(schema: string): Promise<Uint8Array> {
    const tables = await ask('SELECT table_name FROM information_schema.tables WHERE table_schema = $1', [schema])
    const rows = await Promise.all(tables.map(({ table_name }) => ask(`SELECT * FROM ${schema}.${table_name}`)))
    const values = rows.flat().flatMap((row) => Object.values(row))
    return Buffer.concat(values.map((value) => (Buffer.isBuffer(value) ? value : Buffer.from(String(value)))))
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
          const options = { connectionString: url, options: `-c search_path=${name}`, pipeline: true, ...more }
          const pool = new pg.Pool(options)
          pool.on('error', () => {})
          pools.push(pool)
          return pool
        },
        stored: () => stored(name),
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
