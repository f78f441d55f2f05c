import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { allRows, failure, sample, write } from './conformance-support.js'
import { insert, remove, StoreError } from './contract.js'
import { openSqliteStore, type SqliteDatabase, type SqliteStore } from './sqlite.js'
import { createDriver } from './sqlite-driver.js'
import { libraries, noLibrary, openFile, temporaryFolder } from './testing/sqlite.js'

const unavailable = { name: 'StoreError', code: 'UNAVAILABLE', temporary: true }

describe.each(Object.entries(libraries))('with %s', (_name, open) => {
  if (open === undefined) {
    it('did not run', ({ skip }) => skip(noLibrary))
    return
  }

  let folder: ReturnType<typeof temporaryFolder>
  let database: SqliteDatabase
  let store: SqliteStore

  beforeEach(async () => {
    folder = temporaryFolder()
    database = open(`${folder.path}/agent.db`)
    store = await openSqliteStore(database)
  })

  afterEach(async () => {
    await store.close()
    folder.remove()
  })

  it('a full disk is temporary: nothing of the call is written, and all goes on when there is space', async () => {
    const [{ page_count: pages }] = database.prepare('PRAGMA page_count').all() as [{ page_count: number }]
    database.exec(`PRAGMA max_page_count = ${pages + 2}`)
    const large = Array.from({ length: 30 }, (_, i) =>
      insert('messages', sample('messages', 1, { messageId: i, body: new Uint8Array(16_384) })),
    )
    const small = insert('events', sample('events', 1))
    const [refused] = await Promise.all([failure(write(store, ...large), 'full'), write(store, small).catch(() => {})])
    expect(refused).toBeInstanceOf(StoreError)
    expect(refused).toMatchObject(unavailable)
    expect(await allRows(store, 'messages')).toEqual([])
    database.exec('PRAGMA max_page_count = 100000')
    await write(store, ...large)
    expect(await allRows(store, 'messages')).toHaveLength(30)
    await write(store, remove('events', { eventId: 1 }), small)
  })

  it('a failure of a whole transaction is told to all that shared it, and writes nothing', async () => {
    let isBroken = true
    const failing: SqliteDatabase = {
      exec: (sql) => database.exec(sql),
      prepare: (sql) => {
        const statement = database.prepare(sql)
        if (sql !== 'COMMIT') return statement
        return {
          all: (...values) => statement.all(...values),
          run(...values) {
            if (isBroken) throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' })
            return statement.run(...values)
          },
        }
      },
      close: () => database.close(),
    }
    const broken = await openSqliteStore(failing)
    const calls = [1, 2, 3].map((eventId) => write(broken, insert('events', sample('events', 1, { eventId }))))
    for (const settled of await Promise.allSettled(calls)) {
      expect(settled).toMatchObject({ status: 'rejected', reason: unavailable })
    }
    expect(await allRows(broken, 'events')).toEqual([])
    isBroken = false
    await write(broken, insert('events', sample('events', 1)))
    expect(await allRows(broken, 'events')).toHaveLength(1)
  })

  it('a database that the application has closed is away for good', async () => {
    database.close()
    expect(await failure(write(store, insert('events', sample('events', 1))), 'closed')).toBeInstanceOf(StoreError)
  })

  it('a statement that has one value of bytes takes it as such', () => {
    const driver = createDriver(open(':memory:'))
    const bytes = Uint8Array.of(1, 2, 3)
    expect(driver.all({ text: 'SELECT hex(?) AS value', values: [bytes] })).toEqual([{ value: '010203' }])
    expect(driver.all({ text: 'SELECT hex(?) AS value', values: [bytes.subarray(1)] })).toEqual([{ value: '0203' }])
    expect(driver.all({ text: 'SELECT typeof(?) AS value', values: [new Uint8Array()] })).toEqual([{ value: 'blob' }])
    expect(driver.all({ text: 'SELECT ? AS value', values: [true] })).toEqual([{ value: 1 }])
  })
})

describe('errors of SQLite', () => {
  it.each([
    [{ code: 'SQLITE_BUSY' }, 'UNAVAILABLE', true],
    [{ code: 'SQLITE_BUSY_SNAPSHOT' }, 'UNAVAILABLE', true],
    [{ code: 'SQLITE_FULL' }, 'UNAVAILABLE', true, 'the disk is full'],
    [{ code: 'SQLITE_IOERR_WRITE' }, 'UNAVAILABLE', true],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 13 }, 'UNAVAILABLE', true, 'the disk is full'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 778 }, 'UNAVAILABLE', true],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 11 }, 'CORRUPT', false],
    [{ code: 'SQLITE_CORRUPT_VTAB' }, 'CORRUPT', false],
    [{ code: 'SQLITE_NOTADB' }, 'CORRUPT', false],
    [{ code: 'SQLITE_READONLY' }, 'UNAVAILABLE', false, 'read-only'],
    [{ code: 'SQLITE_CONSTRAINT_NOTNULL' }, 'UNAVAILABLE', false],
    [{}, 'UNAVAILABLE', false],
    [undefined, 'UNAVAILABLE', false],
  ])('%o', (thrown, code, temporary, message = '') => {
    const driver = createDriver({
      exec() {
        throw thrown
      },
      prepare: () => openFile(':memory:').prepare('SELECT 1'),
      close() {},
    })
    const expected = expect.objectContaining({
      name: 'StoreError',
      code,
      temporary,
      message: expect.stringContaining(message),
    })
    expect(() => driver.exec('BEGIN')).toThrow(expected)
  })
})
