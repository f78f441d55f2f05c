// The tests of faults are tested: with a store or an application that breaks its promise they fail.
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Case, type FaultMode, runCase } from './support/case.js'
import { sqliteFile } from './support/databases.js'

let server: SmpServer
beforeAll(async () => {
  server = await startSmpServer()
})
afterAll(async () => {
  await server.stop()
})

const flow = {
  roles: ['inviter', 'joiner'],
  before: [[], []],
  actions: [['talk'], ['talk']],
  count: 2,
} as const

/** What the first fault says that is noticed. */
async function noticed(mode: FaultMode, options: Partial<Case> = {}): Promise<string> {
  for (let n = 1; ; n++) {
    try {
      const point = { victim: 0, fault: { mode, n } } as const
      if (await runCase({ flow, ...point, server: server.addressText, storage: sqliteFile, ...options })) continue
      return 'nothing'
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
}

it('a store is noticed that tells what it has not written', async () => {
  expect(await noticed('lie')).toMatch(/something was lost|came with ERR/)
})

it('an application is noticed that acknowledges before it has stored', async () => {
  expect(await noticed('after', { careless: true })).toMatch(/something was lost/)
})
