// One process owns a database of PostgreSQL: others are refused or wait, and who has lost it can write no more.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { get, insert } from '../src/contract.js'
import { openPostgresStore, type PostgresStore } from '../src/postgres.js'
import { type Database, openDatabase, type Schema, titled, withoutPostgres } from '../src/testing/postgres.js'

const row = (id: number) => ({ connId: new Uint8Array([id]), data: new Uint8Array([id]) })
const write = (store: PostgresStore, id: number) =>
  store.atomic({}, () => ({ writes: [insert('confirmations', row(id))], result: undefined }))
const has = async (store: PostgresStore, id: number) =>
  (await store.read({ row: get('confirmations', { connId: new Uint8Array([id]) }) })).row !== undefined

describe.skipIf(withoutPostgres)(titled('has one owner'), () => {
  let database: Database
  let schema: Schema
  let pool: pg.Pool
  const stores: PostgresStore[] = []
  const children: ChildProcess[] = []

  beforeAll(async () => {
    database = await openDatabase()
  })
  beforeEach(async () => {
    schema = await database.schema()
    pool = schema.pool()
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    for (const store of stores.splice(0)) await store.close()
    await schema.remove()
  })
  afterAll(() => database?.drop())

  async function open(options = {}, from = pool) {
    const store = await openPostgresStore(from, options)
    stores.push(store)
    return store
  }

  /** The process id at the server of who has the lock. */
  async function holder(): Promise<number> {
    const locks = await database.ask(
      "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = (hashtext($1)::bigint & 4294967295)::oid",
      [schema.name],
    )
    return Number(locks[0]?.pid)
  }
  const terminate = async (pid: number) => database.ask('SELECT pg_terminate_backend($1)', [pid])

  it('refuses a second', async () => {
    await open()
    await expect(open()).rejects.toMatchObject({ code: 'LOCKED' })
    await expect(open({}, schema.pool())).rejects.toMatchObject({ code: 'LOCKED' })
  })

  it('can be opened again at once after it was closed', async () => {
    for (let i = 0; i < 10; i++) await (await open()).close()
    await open()
  })

  it('gives each schema a store of its own', async () => {
    const other = await database.schema()
    const [one, two] = [await open(), await openPostgresStore(other.pool())]
    await write(one, 1)
    expect([await has(one, 1), await has(two, 1)]).toEqual([true, false])
    await two.close()
    await other.remove()
  })

  it('lets a stand-by in when it closes', async () => {
    const first = await open()
    await write(first, 1)
    let opened = false
    const standBy = open({ waitForLock: true }).then((store) => {
      opened = true
      return store
    })
    await write(first, 2)
    expect(opened).toBe(false)
    await first.close()
    expect(await has(await standBy, 2)).toBe(true)
  })

  it.each([1, 2])('stops waiting with the signal, with %i connections by then', async (connections) => {
    await open()
    const stop = new AbortController()
    const standBy = openPostgresStore(pool, { waitForLock: true, signal: stop.signal })
    const refused = expect(standBy).rejects.toThrow('enough')
    if (connections === 2) await new Promise<unknown>((resolve) => pool.once('acquire', resolve))
    stop.abort(new Error('enough'))
    await refused
    // It has left nothing behind that could still get the lock.
    await expect.poll(() => pool.totalCount, { interval: 10 }).toBe(1)
    await expect(openPostgresStore(pool, { signal: stop.signal })).rejects.toThrow('enough')
  })

  it('lets a stand-by in when its process is killed', async () => {
    const text = `import pg from 'pg'
      import { insert } from '@smpkit/agent-store'
      import { openPostgresStore } from '@smpkit/agent-store/postgres'
      const options = { connectionString: ${JSON.stringify(database.url)}, options: '-c search_path=${schema.name}' }
      const store = await openPostgresStore(new pg.Pool(options))
      const row = { connId: new Uint8Array([1]), data: new Uint8Array([1]) }
      await store.atomic({}, () => ({ writes: [insert('confirmations', row)], result: undefined }))
      console.log('written')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
      cwd: path.join(import.meta.dirname, '..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    await once(child.stdout, 'data')
    await expect(open()).rejects.toMatchObject({ code: 'LOCKED' })
    const standBy = open({ waitForLock: true })
    child.kill('SIGKILL')
    expect(await has(await standBy, 1)).toBe(true)
  })

  it('cannot write any more after its connection was lost and a stand-by has taken over', async () => {
    const first = await open()
    const second = open({ waitForLock: true }, schema.pool())
    // Its way back takes longer than the stand-by.
    const connect = pool.connect.bind(pool)
    Object.assign(pool, { connect: () => second.then(() => connect()) })
    await terminate(await holder())
    expect(await first.closed).toMatchObject({ code: 'LOCKED' })
    await expect(write(first, 1)).rejects.toMatchObject({ code: 'LOCKED' })
    await expect(has(first, 1)).rejects.toMatchObject({ code: 'LOCKED' })
    await write(await second, 2)
    await first.close()
    await expect(write(first, 1)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('is told so, also where another owner came and went meanwhile', async () => {
    const first = await open()
    const second = open({ waitForLock: true }, schema.pool()).then((store) => store.close())
    const connect = pool.connect.bind(pool)
    Object.assign(pool, { connect: () => second.then(() => connect()) })
    await terminate(await holder())
    expect(await first.closed).toMatchObject({ code: 'LOCKED' })
  })

  it('cannot write where a pooler has let another in although it has the lock', async () => {
    const first = await open()
    await write(first, 1)
    await database.ask(`UPDATE ${schema.name}.agent_meta SET value = 'another 0' WHERE name = 'owner'`)
    await expect(write(first, 2)).rejects.toMatchObject({ code: 'LOCKED' })
    expect(await first.closed).toMatchObject({ code: 'LOCKED' })
    await first.close()
    expect(await has(await open({ waitForLock: true }), 2)).toBe(false)
  })

  it('takes the database again when nobody else has taken it', async () => {
    const store = await open()
    for (let id = 1; id <= 3; id++) {
      await write(store, id)
      const lost = await holder()
      await terminate(lost)
      await expect.poll(holder, { interval: 10 }).not.toBe(lost)
      await expect.poll(() => has(store, id).catch(() => false), { interval: 10 }).toBe(true)
    }
    await write(store, 4)
  })
})
