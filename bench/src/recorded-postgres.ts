// Databases of PostgreSQL: the steps of the store recorded, and carried out again by the bare library, as fast as it can.
import { openPostgresStore, type PostgresClient, type PostgresPool } from '@smpkit/agent-store/postgres'
import pg from 'pg'
import { testDatabase } from '../../scripts/postgres.mjs'
import { type RecordedStorage, Recorder, type Written } from './recorded.js'

/** Without what the store needs beside the writes: a check of how many rows changed, and a mark of its own. */
const bare = (text: string): string => /^WITH changed AS \((.*) RETURNING 1\) SELECT/s.exec(text)?.[1] ?? text

function recording(client: PostgresClient, recorder: Recorder): PostgresClient {
  return {
    query(query) {
      const { text, values = [] } = query
      if (text.startsWith('BEGIN') || text.startsWith('SAVEPOINT') || text.startsWith('ROLLBACK')) recorder.begin()
      else if (text.startsWith('RELEASE') || text === 'COMMIT') recorder.end()
      else if (!text.startsWith('SELECT') && !text.includes('agent_meta')) recorder.write(bare(text), values)
      return client.query(query)
    },
    on: (event, listener) => client.on(event, listener),
    release: (destroy) => client.release(destroy),
    pipeline: client.pipeline ?? false,
  }
}

const poolOf = (connectionString: string): pg.Pool => {
  const options = { connectionString, max: 2, pipeline: true, keepAlive: true, connectionTimeoutMillis: 10_000 }
  const pool = new pg.Pool(options)
  // Connections are cut when the database is dropped.
  pool.on('error', () => {})
  return pool
}

/** `server`: a URL of one that waits for the disk. */
export async function recordedPostgres(server: string): Promise<RecordedStorage> {
  const database = await testDatabase(server)
  const copyUrl = new URL(database.url)
  copyUrl.pathname += '_copy'
  const recorder = new Recorder()
  let pool: pg.Pool | undefined
  let copy: pg.Client | undefined
  const names = new Map<string, string>()

  function query({ text, values }: Written) {
    const name = names.get(text) ?? `s${names.size}`
    names.set(text, name)
    return copy?.query({ text, name, values: [...values] })
  }

  async function onServer(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    await client.query(statement)
    await client.end()
  }

  return {
    async open() {
      pool = poolOf(database.url)
      const own = pool as unknown as PostgresPool
      return openPostgresStore({ connect: async () => recording(await own.connect(), recorder) })
    },
    async copy() {
      await pool?.end()
      await onServer(`CREATE DATABASE ${copyUrl.pathname.slice(1)} TEMPLATE ${new URL(database.url).pathname.slice(1)}`)
      copy = new pg.Client({ connectionString: copyUrl.href, pipeline: true } as pg.ClientConfig)
      await copy.connect()
      await copy.query('SET synchronous_commit = on')
      recorder.take()
    },
    take: () => recorder.take(),
    async replay(steps) {
      const [begin, commit] = ['BEGIN', 'COMMIT'].map((text) => ({ text, values: [] }))
      // A transaction is one round trip.
      for (const step of steps) await Promise.all([begin, ...step, commit].map((one) => one && query(one)))
    },
    async [Symbol.asyncDispose]() {
      await copy?.end()
      await pool?.end()
      await onServer(`DROP DATABASE IF EXISTS ${copyUrl.pathname.slice(1)} WITH (FORCE)`)
      await database.drop()
    },
  }
}
