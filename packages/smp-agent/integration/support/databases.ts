// The databases of parties that are killed: what they hold outlives their processes.
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import pg from 'pg'
import { afterAll, describe } from 'vitest'
import { postgresMissing, type TestDatabase, testDatabase } from '../../../../scripts/postgres.mjs'
import type { StorageOf } from './party.mjs'

/** Whether tests run with all their volumes. */
export const isFull = process.env.FULL_VOLUME === '1'

/** A new one; `folder` is the case's own. */
export type StorageMaker = (folder: string) => Promise<StorageOf>

export const sqliteFile: StorageMaker = async (folder) => ({ kind: 'sqlite', file: path.join(folder, 'agent.db') })

/** Schemas in one database, which is dropped after the tests of the file. */
function usePostgresSchemas(): StorageMaker {
  let database: Promise<TestDatabase> | undefined
  afterAll(async () => {
    await (await database)?.drop()
  })
  return async () => {
    database ??= testDatabase()
    const { url } = await database
    const schema = `s${randomBytes(6).toString('hex')}`
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(`CREATE SCHEMA ${schema}`)
    await client.end()
    return { kind: 'postgres', url, schema }
  }
}

/** The tests of `body` over each database. */
export function overDatabases(body: (kind: 'sqlite' | 'postgres', storage: StorageMaker) => void): void {
  describe('over SQLite', () => body('sqlite', sqliteFile))
  const missing = postgresMissing()
  describe.skipIf(missing)(`over PostgreSQL${missing ? ` did not run: ${missing}` : ''}`, () =>
    body('postgres', usePostgresSchemas()),
  )
}
