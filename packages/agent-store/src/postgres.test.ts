import { afterAll, beforeAll, describe, it } from 'vitest'
import { agentStoreSuite } from './conformance.js'
import { type Database, openDatabase, openForSuite, titled, withoutPostgres } from './testing/postgres.js'

describe.skipIf(withoutPostgres)(titled('keeps what agents have'), () => {
  let database: Database
  beforeAll(async () => {
    database = await openDatabase()
  })
  afterAll(() => database?.drop())
  const key = new Uint8Array(32).fill(7)

  describe('not encrypted', () => agentStoreSuite({ describe, it }, () => openForSuite(database, {})))
  describe('encrypted, with a pool that cannot pipeline', () =>
    agentStoreSuite({ describe, it }, () => openForSuite(database, { key }, { pipeline: false })))
})
