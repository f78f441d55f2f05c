// Agents of tests over a real PostgreSQL: a schema for each in one database, which goes away with the test file.
import { randomBytes } from 'node:crypto'
import { openPostgresStore } from '@smpkit/agent-store/postgres'
import pg from 'pg'
import { afterAll } from 'vitest'
import { postgresMissing, type TestDatabase, testDatabase } from '../../../../scripts/postgres.mjs'
import type { StorageFactory } from './storage.js'

/** Why there is none. */
export const missing = postgresMissing()

/** To be called once in a test file. */
export function usePostgres(): StorageFactory {
  let database: Promise<TestDatabase> | undefined
  afterAll(async () => {
    await (await database)?.drop()
  })
  return async () => {
    database ??= testDatabase()
    const { url } = await database
    const schema = `s${randomBytes(6).toString('hex')}`
    const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}`, pipeline: true })
    // Connections are cut when the database is dropped.
    pool.on('error', () => {})
    await pool.query(`CREATE SCHEMA ${schema}`)
    return { open: () => openPostgresStore(pool), close: (store) => store.close(), drop: () => pool.end() }
  }
}
