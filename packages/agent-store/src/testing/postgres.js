// Stores in schemas of a real PostgreSQL that go away with the test.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { postgresMissing, testDatabase } from '../../../../scripts/postgres.mjs'
import { openPostgresStore } from '../postgres.js'

const missing = postgresMissing()
/** For `describe.skipIf`. */
export const withoutPostgres = missing !== undefined
/** `PostgreSQL …`, with the reason why it did not run. */
export const titled = (title) => `PostgreSQL ${title}${missing ? ` did not run: ${missing}` : ''}`
/** One for each test file, with a schema for each test. */
export async function openDatabase(server) {
  const { url, drop } = await testDatabase(server?.url)
  const admin = new pg.Pool({ connectionString: url })
  // Tests end connections, also idle ones.
  admin.on('error', () => {})
  async function ask(text, values = []) {
    return (await admin.query(text, values)).rows
  }
  return {
    url,
    ask,
    async schema() {
      const name = `s${randomBytes(6).toString('hex')}`
      await ask(`CREATE SCHEMA ${name}`)
      const pools = []
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
export async function openForSuite(database, options, more = {}) {
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
async function bytesOfSchema(database, schema) {
  const tables = await database.ask('SELECT table_name FROM information_schema.tables WHERE table_schema = $1', [
    schema,
  ])
  const rows = await Promise.all(tables.map(({ table_name }) => database.ask(`SELECT * FROM ${schema}.${table_name}`)))
  const values = rows.flat().flatMap((row) => Object.values(row))
  return Buffer.concat(values.map((value) => (Buffer.isBuffer(value) ? value : Buffer.from(String(value)))))
}
//# sourceMappingURL=postgres.js.map
