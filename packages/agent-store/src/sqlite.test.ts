import { describe, it } from 'vitest'
import { agentStoreSuite } from './conformance.js'
import { openSqliteStore } from './sqlite.js'
import { libraries, noLibrary, openForSuite } from './testing/sqlite.js'

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
