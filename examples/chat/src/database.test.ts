import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { postgresMissing, type TestDatabase, testDatabase } from '../../../scripts/postgres.mjs'
import { type Database, openDatabase } from './database.js'
import { describeError, exitCodes } from './program-errors.js'

let folder: string
let file: string
const opened: Database[] = []

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat database '))
  file = path.join(folder, 'program.db')
})

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close()
  rmSync(folder, { recursive: true })
})

async function open(...args: Parameters<typeof openDatabase>): Promise<Database> {
  const database = await openDatabase(...args)
  opened.push(database)
  return database
}

async function reopen(...args: Parameters<typeof openDatabase>): Promise<Database> {
  for (const database of opened.splice(0)) await database.close()
  return open(...args)
}

const missing = postgresMissing()
let server: TestDatabase | undefined
afterAll(async () => {
  await server?.drop()
})
async function postgres(): Promise<string> {
  server ??= await testDatabase()
  return server.url
}

const kinds: [string, () => Promise<string | undefined>][] = [
  ['in memory', async () => undefined],
  ['in SQLite', async () => file],
  ...(missing ? [] : ([['in PostgreSQL', postgres]] as [string, () => Promise<string>][])),
]

describe.each(kinds)('records %s', (_, where) => {
  it('are kept by owner and number, in order, each kind for itself', async () => {
    const { archive } = await open(await where())
    const records = archive.records<{ text: string }>('texts')
    expect(await records.get('a', 1)).toBeUndefined()
    for (const no of [3, 1, 2]) expect(await records.insert('a', no, { text: `a${no}` })).toBe(true)
    await records.put('b', 1, { text: "b1; it's 'quoted' — ü" })
    expect(await records.insert('a', 1, { text: 'again' })).toBe(false)
    expect(await records.get('a', 1)).toEqual({ text: 'a1' })
    await records.put('a', 3, { text: 'new' })
    const ofA = (await records.list({ owner: 'a' })).map(({ no, value }) => [no, value.text])
    expect(ofA).toEqual([
      [1, 'a1'],
      [2, 'a2'],
      [3, 'new'],
    ])
    expect((await records.list({ owner: 'a', last: 2 })).map(({ no }) => no)).toEqual([2, 3])
    expect(await records.list({ owner: 'nobody', last: 2 })).toEqual([])
    expect((await records.list()).length).toBe(4)
    expect(await archive.records('others').list()).toEqual([])
    await records.remove('a', 2)
    expect((await records.list({ owner: 'a' })).map(({ no }) => no)).toEqual([1, 3])
    expect(await records.get('b', 1)).toEqual({ text: "b1; it's 'quoted' — ü" })
  })
})

const durable: [string, () => Promise<string>][] = [
  ['SQLite', async () => file],
  ...(missing ? [] : ([['PostgreSQL', postgres]] as [string, () => Promise<string>][])),
]

describe.each(durable)('a database in %s', (_, where) => {
  it('is there again with what was remembered', async () => {
    const first = await open(await where())
    await first.archive.records('again').put('x', 0, { a: 1 })
    const second = await reopen(await where())
    expect(await second.archive.records('again').get('x')).toEqual({ a: 1 })
  })

  it('is for one process at a time, and says so', async () => {
    await open(await where())
    const error = await openDatabase(await where()).catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'ProgramError', code: exitCodes.database })
    expect((error as Error).message).toMatch(/another process uses it. End that one, or give another --db$/)
  })
})

describe('a database in a file', () => {
  it('can be read by its owner only', async () => {
    await open(file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('holds nothing to read with a key, and opens with that key only', async () => {
    const keyFile = path.join(folder, 'key')
    const first = await open(file, { keyFile })
    expect(statSync(keyFile).mode & 0o777).toBe(0o600)
    await first.archive.records('texts').put('x', 7, 'a rare secret')
    const second = await reopen(file, { keyFile })
    expect(await second.archive.records('texts').get('x', 7)).toBe('a rare secret')
    await second.close()
    opened.pop()
    expect(readFileSync(file).includes('a rare secret')).toBe(false)
    const other = path.join(folder, 'other key')
    for (const options of [{}, { keyFile: other }]) {
      const error = await openDatabase(file, options).catch((error: unknown) => error)
      expect(error).toMatchObject({ name: 'ProgramError', code: exitCodes.database })
      expect((error as Error).message).toContain('--key-file')
    }
  })

  it('says once what is wrong with a key file', async () => {
    const error = await openDatabase(file, { keyFile: folder }).catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'ProgramError', code: exitCodes.database })
    const message = describeError(error)
    expect(message).toMatch(/EISDIR.*--key-file/)
    expect(message.split('the key file cannot be read')).toHaveLength(2)
  })

  it.each([
    ['is in no folder', () => path.join(folder, 'none', 'program.db')],
    ['is no database', () => file],
  ])('says what is wrong where it %s', async (_, name) => {
    writeFileSync(file, 'this is a text and no database'.repeat(100))
    const error = await openDatabase(name()).catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'ProgramError', code: exitCodes.database })
    expect((error as Error).message).toMatch(/^the database .*program.db cannot be opened: /)
  })
})

it('an address of a database that is away is told without its password', async () => {
  const error = await openDatabase('postgres://user:secret@127.0.0.1:9/none').catch((error: unknown) => error)
  expect(error).toMatchObject({ name: 'ProgramError', code: exitCodes.database })
  expect((error as Error).message).toMatch(/^the database cannot be opened: .*ECONNREFUSED/)
  expect((error as Error).message).not.toContain('secret')
})

it.each([{ keyFile: 'key' }, { restored: true }])('where nothing is kept, %o is refused', async (options) => {
  const error = await openDatabase(undefined, options).catch((error: unknown) => error)
  expect(error).toMatchObject({ name: 'ProgramError', code: exitCodes.usage })
})
