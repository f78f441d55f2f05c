import { openPostgresStore } from '@smpkit/agent-store/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { notificationStoreSuite } from './conformance.js'
import { notification, subscription, token, write } from './conformance-support.js'
import { openPostgresNotificationStore } from './postgres.js'
import { type Database, openDatabase, type Schema, titled, withoutPostgres } from './testing/postgres.js'

const [keyA, keyB] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]

describe.skipIf(withoutPostgres)(titled('keeps what notification servers have'), () => {
  let database: Database
  beforeAll(async () => {
    database = await openDatabase()
  })
  afterAll(() => database?.drop())

  describe.each([
    ['not encrypted', null, true],
    ['encrypted, with a pool that cannot pipeline', keyA, false],
  ])('%s', (_name, key, pipeline) => {
    notificationStoreSuite({ describe, it }, async () => {
      const schema = await database.schema()
      const pool = schema.pool({ pipeline })
      let store = await openPostgresNotificationStore(pool, { key })
      return {
        store,
        durable: true,
        encrypted: key !== null,
        async reopen() {
          await store.close()
          store = await openPostgresNotificationStore(pool, { key })
          return store
        },
        stored: schema.stored,
        async remove() {
          await store.close()
          await schema.remove()
        },
      }
    })
  })

  describe('its database', () => {
    let schema: Schema
    beforeEach(async () => {
      schema = await database.schema()
      return () => schema.remove()
    })

    it('can be that of an agent too, with the same key', async () => {
      const options = { key: keyA }
      const agent = await openPostgresStore(schema.pool(), options)
      const store = await openPostgresNotificationStore(schema.pool(), options)
      await write(store, { tokens: [token('a')] })
      await store.rekey(keyB)
      expect(await agent.last('events')).toBe(0)
      await agent.close()
      expect((await store.read({ tokens: { id: ['a'] } })).tokens).toEqual([token('a')])
      await store.close()
    })

    it('is refused to a second one, and taken over by a stand-by that has waited', async () => {
      const store = await openPostgresNotificationStore(schema.pool())
      await expect(openPostgresNotificationStore(schema.pool())).rejects.toMatchObject({ code: 'LOCKED' })
      const standBy = openPostgresNotificationStore(schema.pool(), { waitForLock: true })
      await write(store, { tokens: [token('a')] })
      await store.close()
      const next = await standBy
      expect((await next.read({ tokens: { id: ['a'] } })).tokens).toEqual([token('a')])
      await next.close()
    })

    it('is told as lost to who had it when a stand-by has taken it, and the old one writes nothing more', async () => {
      const pool = schema.pool()
      let isCut = false
      const connect = async () => {
        if (isCut) throw Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' })
        return pool.connect()
      }
      const store = await openPostgresNotificationStore({ connect })
      await store.swapClean(false)
      const standBy = openPostgresNotificationStore(schema.pool(), { waitForLock: true })
      isCut = true
      await database.ask(
        `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
          AND classid = ${0x736d706e} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      )
      const next = await standBy
      isCut = false
      const why = await store.closed
      expect(why).toMatchObject({ code: 'LOCKED' })
      await expect(write(store, { tokens: [token('late')] })).rejects.toMatchObject({ code: 'LOCKED' })
      expect(await next.swapClean(true)).toBe(false)
      expect((await next.read({ tokens: { id: ['late'] } })).tokens).toEqual([])
      await next.close()
    })

    it('can get another key, and is found by secrets as before', async () => {
      const pool = schema.pool()
      let store = await openPostgresNotificationStore(pool)
      const rows = { tokens: [token('a')], subscriptions: [subscription('a')], notifications: [notification('a', 1)] }
      await write(store, rows)
      for (const key of [keyA, keyB, null]) {
        await store.rekey(key)
        await store.close()
        await expect(openPostgresNotificationStore(pool, { key: new Uint8Array(32) })).rejects.toMatchObject({
          code: 'KEY',
        })
        store = await openPostgresNotificationStore(pool, { key })
        const { tokens } = await store.read({ tokens: { device: ['fake/device of a'] } })
        expect(tokens).toEqual(rows.tokens)
        expect(Buffer.from(await schema.stored()).includes('device of a')).toBe(key === null)
      }
      await store.close()
    })

    it('that was restored and marked is one of a server that did not stop orderly', async () => {
      const store = await openPostgresNotificationStore(schema.pool())
      await store.swapClean(true)
      await store.markRestored()
      expect(await store.swapClean(true)).toBe(false)
      await store.close()
    })
  })
})
