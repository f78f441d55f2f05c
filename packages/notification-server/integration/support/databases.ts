// The databases of notification servers that are killed: what they hold outlives their processes.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, describe } from 'vitest'
import { postgresMissing, type TestDatabase, testDatabase } from '../../../../scripts/postgres.mjs'
import type { StorageOf } from './storages.mjs'

/** Whether tests run with all their volumes. */
export const isFull = process.env.FULL_VOLUME === '1'

export type StorageMaker = () => Promise<StorageOf>

/** Folders that go after the tests of the file. */
export function useFolders(): () => string {
  const folders: string[] = []
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })
  return () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'smpkit-ntf-'))
    folders.push(folder)
    return folder
  }
}

export function useSqlite(): StorageMaker {
  const newFolder = useFolders()
  return async () => ({ kind: 'sqlite', folder: newFolder() })
}

/** Schemas in one database, which is dropped after the tests of the file. */
export function usePostgres(): StorageMaker {
  let database: Promise<TestDatabase> | undefined
  afterAll(async () => {
    await (await database)?.drop()
  })
  return async () => {
    database ??= testDatabase()
    const { url } = await database
    const schema = `s${randomBytes(6).toString('hex')}`
    await ask(url, `CREATE SCHEMA ${schema}`)
    return { kind: 'postgres', url, schema }
  }
}

/** Runs one statement on a connection of its own. */
export async function ask(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

const missing = postgresMissing()
export const withoutPostgres = missing !== undefined
export const postgresTitle = `over PostgreSQL${missing ? ` did not run: ${missing}` : ''}`

/** The tests of `body` over each database. */
export function overDatabases(body: (newStorage: StorageMaker) => void): void {
  describe('over SQLite', () => body(useSqlite()))
  describe.skipIf(withoutPostgres)(postgresTitle, () => body(usePostgres()))
}
