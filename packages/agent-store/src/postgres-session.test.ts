import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPostgresStore } from './postgres.js'
import {
  openSession,
  type PostgresClient,
  type Session,
  StatementError,
  statement,
  storeError,
} from './postgres-session.js'
import { type Database, openDatabase, type Schema, titled, withoutPostgres } from './testing/postgres.js'

/** What a server answers. */
const answer = (code: string, severity = 'ERROR') =>
  Object.assign(new Error(`row (\\xsecret) ${code}`), { code, severity, detail: 'Key (conn_id)=(\\xsecret)' })

describe('an error of PostgreSQL', () => {
  it.each([
    ['53100', 'UNAVAILABLE', true, 'refused'],
    ['53300', 'UNAVAILABLE', true, 'refused'],
    ['57014', 'UNAVAILABLE', true, 'refused'],
    ['58030', 'UNAVAILABLE', true, 'refused'],
    ['25006', 'UNAVAILABLE', true, 'refused'],
    ['40001', 'UNAVAILABLE', true, 'retry'],
    ['40P01', 'UNAVAILABLE', true, 'retry'],
    ['57P01', 'UNAVAILABLE', true, 'lost'],
    ['57P03', 'UNAVAILABLE', true, 'lost'],
    ['08006', 'UNAVAILABLE', true, 'lost'],
    ['28P01', 'UNAVAILABLE', false, 'refused'],
    ['3F000', 'UNAVAILABLE', false, 'refused'],
    ['42501', 'UNAVAILABLE', false, 'refused'],
    ['22003', 'INVALID', false, 'refused'],
    ['54000', 'INVALID', false, 'refused'],
    ['23514', 'CORRUPT', false, 'refused'],
    ['42P01', 'CORRUPT', false, 'refused'],
  ])('%s is %s, temporary: %s, and means %s', (state, code, temporary, failure) => {
    const error = new StatementError(0, answer(state))
    expect(error.failure).toBe(failure)
    expect(storeError(error)).toMatchObject({ code, temporary })
  })

  it.each(['22003', '54000', '23514', '42P01', '23505'])('%s keeps what it tells of rows to itself', (state) => {
    const error = storeError(answer(state))
    expect(`${error.message} ${error.cause}`).not.toContain('secret')
  })

  it.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', undefined])('%s is a lost connection', (code) => {
    const error = new StatementError(0, Object.assign(new Error('network'), { code }))
    expect(error.failure).toBe('lost')
    expect(storeError(error)).toMatchObject({ code: 'UNAVAILABLE', temporary: true })
  })

  it('that ends the session is a lost connection, whatever its code', () => {
    expect(new StatementError(0, answer('53100', 'FATAL')).failure).toBe('lost')
  })
})

describe.skipIf(withoutPostgres)(titled('a session'), () => {
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

  it('has the settings of a durable store, whatever the pool says', async () => {
    // As an operator might have it for other programs.
    const options = `-c search_path=${schema.name} -c synchronous_commit=off -c default_transaction_isolation=serializable`
    const pool = schema.pool({ options })
    const acquired = new Promise<pg.PoolClient>((resolve) => pool.once('acquire', resolve))
    const store = await openPostgresStore(pool)
    const client = await acquired
    const show = async (name: string) => (await client.query(`SHOW ${name}`)).rows[0]?.[name]
    expect(await show('synchronous_commit')).toBe('on')
    expect(await show('client_encoding')).toBe('UTF8')
    expect(await show('enable_seqscan')).toBe('off')
    // Also within a transaction of the store, which is serializable.
    const isolation: Promise<string>[] = []
    await store.atomic({}, () => {
      isolation.push(show('transaction_isolation'), show('synchronous_commit'))
      return { writes: [], result: 0 }
    })
    expect(await Promise.all(isolation)).toEqual(['serializable', 'on'])
    await store.close()
  })

  describe.each([true, false])('with pipeline: %s', (pipeline) => {
    let session: Session
    beforeAll(async () => {
      session = await openSession(schema.pool({ pipeline }))
    })

    it('gives the rows of each statement', async () => {
      const statements = [
        statement('SELECT 1 AS a'),
        statement('SELECT $1::bigint AS b', [2]),
        statement('SELECT 3 AS c WHERE false'),
      ]
      expect(await session.run(statements)).toEqual([[{ a: 1 }], [{ b: '2' }], []])
    })

    it('tells which statement failed first, and goes on', async () => {
      const statements = ['BEGIN', 'SELECT 1', 'SELECT 1 / 0', 'SELECT 2', 'COMMIT'].map((text) => statement(text))
      await expect(session.run(statements)).rejects.toMatchObject({ index: 2, failure: 'conflict' })
      await session.run([statement('ROLLBACK')])
      expect(await session.run([statement('SELECT 1 AS a')])).toEqual([[{ a: 1 }]])
    })

    it('is gone when its connection is', async () => {
      const [rows] = await session.run([statement('SELECT pg_backend_pid() AS pid')])
      expect(session.isGone).toBe(false)
      await database.ask('SELECT pg_terminate_backend($1)', [rows?.[0]?.pid])
      await session.gone
      expect(session.isGone).toBe(true)
      await expect(session.run([statement('SELECT 1')])).rejects.toMatchObject({ failure: 'lost' })
    })
  })

  it('gives a connection back broken that could not be set up', async () => {
    const released: unknown[] = []
    const client: PostgresClient = {
      query: async () => {
        throw answer('57P03')
      },
      on: () => undefined,
      release: (destroy) => released.push(destroy),
    }
    await expect(openSession({ connect: async () => client })).rejects.toMatchObject({ failure: 'lost' })
    expect(released).toEqual([true])
  })
})
