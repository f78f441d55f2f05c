// Spec 30 §6: servers that break the promise are found out, or the tests of servers that are killed would say nothing.
import { expect, test } from 'vitest'
import { useSqlite } from './support/databases.js'
import { flow } from './support/flow.js'
import { seed } from './support/killed-test.js'

const newStorage = useSqlite()

test.each(['writesLate', 'forgetsPushes', 'forgetsCrashes'] as const)('one that %s is found out', async (wrong) => {
  const result = await flow({ storage: await newStorage(), messages: 200, rounds: 2, seed, wrong })
  expect(result.undiscovered).not.toEqual([])
})
