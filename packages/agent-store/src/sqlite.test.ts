import { describe, expect, it } from 'vitest'
import { agentStoreSuite } from './conformance.js'
import { allRows, sample } from './conformance-support.js'
import { insert } from './contract.js'
import { openSqliteStore } from './sqlite.js'
import { libraries, noLibrary, openFile, openForSuite } from './testing/sqlite.js'

for (const [name, open] of Object.entries(libraries)) {
  if (open === undefined) {
    it(`${name} did not run`, ({ skip }) => skip(noLibrary))
    continue
  }
  describe(`${name}, not encrypted`, () => agentStoreSuite({ describe, it }, () => openForSuite(open, null)))
  describe(`${name}, encrypted`, () =>
    agentStoreSuite({ describe, it }, () => openForSuite(open, new Uint8Array(32).fill(7))))
}

describe('a database in memory', () => {
  const open = libraries['better-sqlite3']
  if (open === undefined) return
  agentStoreSuite({ describe, it }, async () => {
    let store = await openSqliteStore(open(':memory:'))
    return {
      store,
      async reopen() {
        await store.close()
        store = await openSqliteStore(open(':memory:'))
        return store
      },
      remove: () => store.close(),
    }
  })
})

it('a call that is aborted while it waits is not carried out, and those beside it are', async () => {
  const store = await openSqliteStore(openFile(':memory:'))
  const stop = new AbortController()
  const reason = new Error('enough')
  const put = (eventId: number, signal?: AbortSignal) => {
    const writes = [insert('events', sample('events', 1, { eventId }))]
    return store.atomic({}, () => ({ writes, result: eventId }), { signal })
  }
  const calls = [put(1), put(2, stop.signal), put(3)]
  stop.abort(reason)
  expect(await Promise.allSettled(calls)).toEqual([
    { status: 'fulfilled', value: 1 },
    { status: 'rejected', reason },
    { status: 'fulfilled', value: 3 },
  ])
  expect((await allRows(store, 'events')).map(({ eventId }) => eventId)).toEqual([1, 3])
  await store.close()
})
