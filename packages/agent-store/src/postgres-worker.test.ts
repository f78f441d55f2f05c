import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { get, insert } from './contract.js'
import { openPostgresStore, type PostgresStore } from './postgres.js'
import { type Database, openDatabase, type Schema, titled, withoutPostgres } from './testing/postgres.js'

const connId = (id: number) => new Uint8Array([id])

describe.skipIf(withoutPostgres)(titled('takes calls in turn'), () => {
  let database: Database
  let schema: Schema
  let store: PostgresStore

  beforeAll(async () => {
    database = await openDatabase()
  })
  beforeEach(async () => {
    schema = await database.schema()
    store = await openPostgresStore(schema.pool())
  })
  afterEach(async () => {
    await store.close()
    await schema.remove()
  })
  afterAll(() => database?.drop())

  const write = (id: number, signal?: AbortSignal) =>
    store.atomic(
      {},
      () => ({ writes: [insert('confirmations', { connId: connId(id), data: connId(id) })], result: id }),
      {
        signal,
      },
    )
  const has = async (id: number, signal?: AbortSignal) =>
    (await store.read({ row: get('confirmations', { connId: connId(id) }) }, { signal })).row !== undefined

  it('does not carry out one that is aborted while it waits', async () => {
    const stop = new AbortController()
    const others = [write(1), write(2)]
    const refused = [write(3, stop.signal), has(1, stop.signal)].map((call) => expect(call).rejects.toThrow('enough'))
    stop.abort(new Error('enough'))
    await Promise.all([...refused, ...others])
    expect([await has(1), await has(3)]).toEqual([true, false])
  })

  it('carries out one that is aborted when it is under way', async () => {
    const stop = new AbortController()
    const result = store.atomic(
      {},
      () => {
        stop.abort()
        return { writes: [insert('confirmations', { connId: connId(1), data: connId(1) })], result: 1 }
      },
      { signal: stop.signal },
    )
    expect(await result).toBe(1)
    expect(await has(1)).toBe(true)
  })

  it('serves more callers than share a transaction', async () => {
    const ids = Array.from({ length: 150 }, (_, i) => i)
    expect(await Promise.all(ids.map((id) => write(id)))).toEqual(ids)
    expect(await Promise.all(ids.map((id) => has(id)))).toEqual(ids.map(() => true))
  })

  it('finishes what waits when it is closed, and refuses what comes later', async () => {
    const waiting = [write(1), write(2), has(3)]
    const closing = store.close()
    await expect(write(3)).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await Promise.all(waiting)).toEqual([1, 2, false])
    await closing
    await store.close()
    expect(await store.closed).toBeUndefined()
  })

  it('needs one connection for all of it', async () => {
    const pool = schema.pool({ max: 1 })
    await store.close()
    store = await openPostgresStore(pool)
    await Promise.all([write(1), has(1), store.markRestored(), write(2), store.last('events')])
    expect(pool.totalCount).toBe(1)
    await store.close()
    await expect.poll(() => pool.totalCount).toBe(0)
  })
})
