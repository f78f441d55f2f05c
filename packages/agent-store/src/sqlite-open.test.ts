import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { allRows, sample, write } from './conformance-support.js'
import { insert } from './contract.js'
import { openSqliteStore, type SqliteDatabase } from './sqlite.js'
import { libraries, noLibrary, openFile, temporaryFolder } from './testing/sqlite.js'

const event = sample('events', 1)
const code = (expected: string) => expect.objectContaining({ name: 'StoreError', code: expected, temporary: false })

let folder: ReturnType<typeof temporaryFolder>
let file: string

beforeEach(() => {
  folder = temporaryFolder()
  file = `${folder.path}/agent.db`
})

afterEach(() => folder.remove())

describe.each(Object.entries(libraries))('a database of %s', (_name, open) => {
  if (open === undefined) {
    it('did not run', ({ skip }) => skip(noLibrary))
    return
  }

  it('waits for the disk at each commit, with a log that is written ahead', async () => {
    const database = open(file)
    const store = await openSqliteStore(database)
    const setting = (name: string) => Object.values(Object(database.prepare(`PRAGMA ${name}`).all()[0]))[0]
    expect(setting('journal_mode')).toBe('wal')
    expect(setting('synchronous')).toBe(2)
    expect(setting('locking_mode')).toBe('exclusive')
    expect(store.supports).toEqual({ durable: true, encrypted: false })
    await store.close()
  })

  it('in memory says that it is not durable', async () => {
    const [first, second] = [await openSqliteStore(open(':memory:')), await openSqliteStore(open(':memory:'))]
    expect(first.supports.durable).toBe(false)
    await Promise.all([first.close(), second.close()])
  })

  it('is refused to a second store at once, and free when the first has closed', async () => {
    const first = await openSqliteStore(open(file))
    await write(first, insert('events', event))
    await expect(openSqliteStore(open(file))).rejects.toThrow(code('LOCKED'))
    await write(first, insert('events', { ...event, eventId: 2 }))
    await first.close()
    const second = await openSqliteStore(open(file))
    expect(await allRows(second, 'events')).toHaveLength(2)
    await second.close()
  })

  it('is locked also if it was in use before as a database of the application', async () => {
    const before = open(file)
    before.exec('PRAGMA journal_mode = WAL; CREATE TABLE mine (id INTEGER)')
    const store = await openSqliteStore(before)
    await expect(openSqliteStore(open(file))).rejects.toThrow(code('LOCKED'))
    await store.close()
    await (await openSqliteStore(open(file))).close()
  })

  it('is free again after it could not be opened', async () => {
    await (await openSqliteStore(open(file))).close()
    await expect(openSqliteStore(open(file), { key: new Uint8Array(32) })).rejects.toThrow(code('KEY'))
    await (await openSqliteStore(open(file))).close()
  })
})

describe('a database that another process has open', () => {
  const child = fileURLToPath(new URL('../integration/store-child.mjs', import.meta.url))

  it('is refused, and free with all its rows when that process was killed', async () => {
    const other = spawn(process.execPath, [child, 'hold', file], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await once(other.stdout, 'data')
      await expect(openSqliteStore(openFile(file))).rejects.toThrow(code('LOCKED'))
    } finally {
      other.kill('SIGKILL')
      await once(other, 'exit')
    }
    const store = await openSqliteStore(openFile(file))
    expect(await allRows(store, 'events')).toHaveLength(1)
    await store.close()
  })
})

describe('a database that cannot be opened', () => {
  const key = new Uint8Array(32).fill(1)

  async function changed(change: (database: SqliteDatabase) => void, first: Uint8Array | null = null) {
    await (await openSqliteStore(openFile(file), { key: first })).close()
    const database = openFile(file)
    change(database)
    database.close()
  }

  it('is of a newer version', async () => {
    await changed((database) => database.exec("INSERT INTO agent_migrations VALUES (2, 'later', 'x')"))
    const opening = openSqliteStore(openFile(file))
    await expect(opening).rejects.toThrow(code('NEWER'))
    await expect(opening).rejects.toThrow('the database has version 2, this package knows 1')
  })

  it('was made by a changed migration', async () => {
    await changed((database) => database.exec("UPDATE agent_migrations SET checksum = 'x'"))
    await expect(openSqliteStore(openFile(file))).rejects.toThrow(code('CHECKSUM'))
  })

  it.each([
    ['a key, and the database is not encrypted', null, key, 'encrypt it with rekey'],
    ['no key, and the database is encrypted', key, null, 'open it with its key'],
    ['another key', key, new Uint8Array(32).fill(2), 'encrypted with another key'],
    ['a key that is cut', key, key.subarray(1), 'expected a key of 32 bytes, got 31'],
  ])('was given %s', async (_name, first, second, message) => {
    await (await openSqliteStore(openFile(file), { key: first })).close()
    const opening = openSqliteStore(openFile(file), { key: second })
    await expect(opening).rejects.toThrow(code('KEY'))
    await expect(opening).rejects.toThrow(message)
    await (await openSqliteStore(openFile(file), { key: first })).close()
  })

  it('is no database, or damaged', async () => {
    fs.writeFileSync(file, 'not a database, but a text that is longer than its header would be. '.repeat(40))
    await expect(openSqliteStore(openFile(file))).rejects.toThrow(code('CORRUPT'))
  })

  it('fails as a whole: a migration that does not succeed leaves nothing', async () => {
    const database = openFile(file)
    database.exec('CREATE TABLE agent_short_links (id INTEGER)')
    await expect(openSqliteStore(database)).rejects.toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
    const tables = openFile(file).prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
    expect(tables).toEqual([{ name: 'agent_short_links' }])
  })
})
