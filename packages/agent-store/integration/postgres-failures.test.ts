// What happens to a store while its database conflicts, breaks connections, is full, or is away.
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type PostgresServer, startPostgres } from '../../../scripts/postgres.mjs'
import { sample } from '../src/conformance-support.js'
import { get, insert, put, StoreError, update } from '../src/contract.js'
import { openPostgresStore, type PostgresStore } from '../src/postgres.js'
import { cuttingProxy } from '../src/testing/cutting-proxy.js'
import { type Database, openDatabase, type Schema, titled, withoutPostgres } from '../src/testing/postgres.js'

const connId = new Uint8Array([1])
const event = (eventId: number, data: Uint8Array = new Uint8Array([1])) => ({
  eventId,
  connId,
  type: 'x',
  messageId: 0,
  queueNo: 0,
  brokerId: new Uint8Array(),
  data,
  createdAt: 0,
})
const connection = sample('connections', 1, { connId, synchronization: 'ok' })
const ratchet = sample('ratchets', 1, { connId, version: 1, state: new Uint8Array([1]) })
const write = (store: PostgresStore, id: number, data?: Uint8Array) =>
  store.atomic({}, () => ({ writes: [insert('events', event(id, data))], result: id }))

async function written(store: PostgresStore): Promise<number[]> {
  const ids: number[] = []
  for await (const page of store.pages('events')) ids.push(...page.map(({ eventId }) => eventId))
  return ids
}

/** Until it does not reject as it does while the database is away. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof StoreError && error.temporary)) throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

describe.skipIf(withoutPostgres)(titled('fails'), () => {
  let database: Database
  let schema: Schema
  let pool: pg.Pool
  let store: PostgresStore
  const ended: (() => Promise<void>)[] = []

  beforeAll(async () => {
    database = await openDatabase()
  })
  beforeEach(async () => {
    schema = await database.schema()
    pool = schema.pool()
    store = await openPostgresStore(pool)
  })
  afterEach(async () => {
    await store.close()
    for (const end of ended.splice(0)) await end()
    await schema.remove()
  })
  afterAll(() => database?.drop())

  const terminateOwner = () =>
    database.ask(
      "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = (hashtext($1)::bigint & 4294967295)::oid",
      [schema.name],
    )

  it('decides again when another transaction has changed what was read', async () => {
    await store.atomic({}, () => ({ writes: [put('confirmations', { connId, data: new Uint8Array([1]) })], result: 0 }))
    const other = new pg.Client({ connectionString: database.url })
    await other.connect()
    ended.push(() => other.end())
    await other.query('BEGIN')
    await other.query(`UPDATE ${schema.name}.agent_confirmations SET data = '\\x0a'`)
    const seen: (number | undefined)[] = []
    const result = store.atomic({ row: get('confirmations', { connId }) }, ({ row }) => {
      seen.push(row?.data[0])
      const data = new Uint8Array([(row?.data[0] ?? 0) + 1])
      return { writes: [update('confirmations', { connId }, { data })], result: data[0] }
    })
    const blocked = () => database.ask("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    await expect.poll(async () => (await blocked()).length, { interval: 10 }).toBe(1)
    await other.query('COMMIT')
    expect(await result).toBe(11)
    expect(seen).toEqual([1, 10])
    const { row } = await store.read({ row: get('confirmations', { connId }) })
    expect(row?.data).toEqual(new Uint8Array([11]))
  })

  it('shares one transaction among calls that wait, and one that fails takes no other with it', async () => {
    const committed = async () => {
      const [row] = await database.ask(`SELECT value FROM ${schema.name}.agent_meta WHERE name = 'owner'`)
      return Number(String(row?.value).split(' ')[1])
    }
    const before = await committed()
    const calls = Array.from({ length: 30 }, (_, i) => write(store, i % 10))
    const outcomes = await Promise.allSettled(calls)
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...Array(10).fill('fulfilled'),
      ...Array(20).fill('rejected'),
    ])
    expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'CONFLICT' } })
    expect(await written(store)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(await committed()).toBe(before + 1)
  })

  it('says that a full disk is temporary, tells nothing of what was to be written, and goes on', async () => {
    // The server's own words for it, when a row of this size comes.
    await database.ask(`CREATE FUNCTION ${schema.name}.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF length(NEW.data) = 3 THEN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END IF;
      IF length(NEW.data) = 4 THEN RAISE EXCEPTION 'row %', NEW USING ERRCODE = '23514', DETAIL = NEW::text; END IF;
      RETURN NEW; END $$`)
    await database.ask(`CREATE TRIGGER full_disk BEFORE INSERT ON ${schema.name}.agent_events
      FOR EACH ROW EXECUTE FUNCTION ${schema.name}.full()`)
    const calls = [
      write(store, 1),
      write(store, 2, new Uint8Array(3)),
      write(store, 3),
      write(store, 4, new Uint8Array(4)),
    ]
    const [, full, , refused] = await Promise.allSettled(calls)
    expect(full).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE', temporary: true } })
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'CORRUPT', temporary: false } })
    const { reason } = refused as PromiseRejectedResult
    expect(`${reason.message} ${JSON.stringify(reason)} ${reason.cause}`).not.toMatch(/row|\\x/)
    await expect(write(store, 5, new Uint8Array(3))).rejects.toMatchObject({ code: 'UNAVAILABLE', temporary: true })
    await write(store, 6)
    expect(await written(store)).toEqual([1, 3, 6])
  })

  it('finds out that a commit was carried out whose answer was lost', async () => {
    await throughProxy('after', async (through, cut) => {
      expect(await cut(1)).toBe(1)
      expect(await written(through)).toEqual([1])
    })
  })

  it('finds that out also when it is closed meanwhile', async () => {
    await throughProxy('after', async (through, cut) => {
      const result = cut(1)
      await through.close()
      expect(await result).toBe(1)
    })
  })

  it('finds out that a commit was not carried out', async () => {
    await throughProxy('before', async (through, cut) => {
      await expect(cut(1)).rejects.toMatchObject({ code: 'UNAVAILABLE', temporary: true })
      expect(await insist(() => written(through))).toEqual([])
    })
  })

  it.each([
    ['after', [1, 2, 3]],
    ['before', []],
  ] as const)('finds out for each call of a commit that was cut %s it was sent', async (when, kept) => {
    await throughProxy(when, async (through, cut) => {
      const outcomes = await Promise.allSettled([cut(1), write(through, 2), write(through, 3), write(through, 3)])
      const statuses = outcomes.map(({ status }) => status)
      const expected = kept.length > 0 ? 'fulfilled' : 'rejected'
      expect(statuses).toEqual([expected, expected, expected, 'rejected'])
      expect(outcomes[3]).toMatchObject({ reason: { code: kept.length > 0 ? 'CONFLICT' : 'UNAVAILABLE' } })
      expect(await insist(() => written(through))).toEqual(kept)
    })
  })

  async function throughProxy(
    when: 'before' | 'after',
    test: (through: PostgresStore, cut: (id: number) => Promise<number>) => Promise<void>,
  ) {
    await store.close()
    const proxy = await cuttingProxy(database.url)
    ended.push(proxy.close)
    const through = await openPostgresStore(schema.pool({ connectionString: proxy.url }))
    await test(through, (id) => {
      proxy.cut(when)
      return write(through, id)
    })
    await through.close()
  }

  it('is closed also when no connection comes to find out about the last commit', async () => {
    await store.close()
    const proxy = await cuttingProxy(database.url)
    ended.push(proxy.close)
    const through = schema.pool({ connectionString: proxy.url })
    let connections = 0
    // As of a pool whose other connections the application keeps.
    const connect = () => (connections++ === 0 ? through.connect() : new Promise<never>(() => {}))
    const last = await openPostgresStore({ connect })
    proxy.cut('after')
    const result = expect(write(last, 1)).rejects.toMatchObject({ code: 'UNAVAILABLE', temporary: true })
    await expect.poll(() => connections).toBe(2)
    await last.close()
    await result
  })

  it('ends, and is marked as restored, where a database comes back without what was committed', async () => {
    await store.atomic({}, () => ({
      writes: [insert('connections', connection), insert('ratchets', ratchet)],
      result: undefined,
    }))
    await write(store, 1)
    // As a replica has it that got all but the last transaction.
    await database.ask(`UPDATE ${schema.name}.agent_meta
      SET value = regexp_replace(value, '[0-9]+$', '1') WHERE name = 'owner'`)
    await terminateOwner()
    const error = await store.closed
    expect(error).toMatchObject({ code: 'CORRUPT', temporary: false })
    await expect(write(store, 2)).rejects.toBe(error)
    const again = await openPostgresStore(pool)
    expect((await again.read({ row: get('connections', { connId }) })).row?.synchronization).toBe('restored')
    await again.close()
  })

  it('loses and doubles nothing while connections are ended at random', async () => {
    const acknowledged: number[] = []
    const counts = { lost: 0, ended: 0 }
    let id = 0
    let going = true
    async function work() {
      while (going) {
        const mine = ++id
        try {
          await store.atomic({ row: get('confirmations', { connId }) }, ({ row }) => {
            const data = new Uint8Array(4)
            const before = row === undefined ? 0 : new DataView(row.data.buffer).getUint32(0)
            new DataView(data.buffer).setUint32(0, before + 1)
            return { writes: [insert('events', event(mine)), put('confirmations', { connId, data })], result: 0 }
          })
          acknowledged.push(mine)
        } catch (error) {
          expect(error).toMatchObject({ name: 'StoreError', code: 'UNAVAILABLE', temporary: true })
          counts.lost++
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
      }
    }
    const workers = Array.from({ length: 8 }, work)
    while (counts.ended < 25) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30))
      counts.ended += (await terminateOwner()).length
    }
    going = false
    await Promise.all(workers)
    expect(counts.lost).toBeGreaterThan(0)
    expect(await insist(() => written(store))).toEqual(acknowledged.sort((a, b) => a - b))
    const { row } = await store.read({ row: get('confirmations', { connId }) })
    expect(new DataView(row?.data.buffer as ArrayBuffer).getUint32(0)).toBe(acknowledged.length)
  })

  describe('while the server is halted', () => {
    let server: PostgresServer
    let own: Database
    beforeAll(async () => {
      server = await startPostgres()
      own = await openDatabase(server)
    })
    afterAll(async () => {
      await own?.drop()
      await server?.stop()
    })

    async function twoPools() {
      const pools = [1, 2].map(() => new pg.Pool({ connectionString: own.url, pipeline: true }))
      ended.push(async () => {
        for (const one of pools) await one.end()
      })
      return pools as [pg.Pool, pg.Pool]
    }

    it('it is unavailable, and goes on by itself afterwards', async () => {
      const [one, other] = await twoPools()
      const owner = await openPostgresStore(one)
      await write(owner, 1)
      await server.halt()
      await expect(write(owner, 2)).rejects.toMatchObject({ code: 'UNAVAILABLE', temporary: true })
      await expect(written(owner)).rejects.toMatchObject({ code: 'UNAVAILABLE', temporary: true })
      await expect(openPostgresStore(other)).rejects.toMatchObject({ code: 'UNAVAILABLE', temporary: true })
      await server.resume()
      await insist(() => write(owner, 3))
      expect(await written(owner)).toEqual([1, 3])
      await owner.close()
      expect(await owner.closed).toBeUndefined()
    })

    it('it can be closed, and a stand-by goes on waiting', async () => {
      const [one, other] = await twoPools()
      const owner = await openPostgresStore(one)
      const standBy = openPostgresStore(other, { waitForLock: true })
      await write(owner, 4)
      await server.halt()
      await owner.close()
      await server.resume()
      const now = await standBy
      expect(await written(now)).toContain(4)
      await now.close()
    })
  })
})
