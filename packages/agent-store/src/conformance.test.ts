// The suite itself: it runs with another runner too, and a store that breaks a promise does not pass it.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { agentStoreSuite } from './conformance.js'
import { type AgentStore, StoreConflict, type Write } from './contract.js'
import { openMemoryStore } from './memory.js'

/** The first test of the suite that fails with a store. */
async function failure(open: () => AgentStore): Promise<string | undefined> {
  const tests: { name: string; body: () => Promise<void> }[] = []
  const runner = {
    describe: (_name: string, body: () => void) => body(),
    it: (name: string, body: () => Promise<void>) => tests.push({ name, body }),
  }
  agentStoreSuite(runner, async () => {
    const store = open()
    return { store, reopen: async () => open(), remove: () => store.close() }
  })
  for (const { name, body } of tests) {
    const isPassed = await body().then(
      () => true,
      () => false,
    )
    if (!isPassed) return name
  }
  return undefined
}

type Atomic = AgentStore['atomic']

/** A store in memory with other writes than were decided. */
function writing(change: (writes: readonly Write[]) => readonly Write[]): AgentStore {
  const store = openMemoryStore()
  const atomic: Atomic = (queries, decide, options) =>
    store.atomic(
      queries,
      (found) => {
        const { writes, result } = decide(found)
        return { writes: change(writes), result }
      },
      options,
    )
  return { ...store, atomic }
}

/** One that carries out each write on its own. */
function tearing(): AgentStore {
  const store = openMemoryStore()
  const atomic: Atomic = async (queries, decide, options) => {
    const { writes, result } = decide(await store.read(queries, options))
    for (const write of writes) await store.atomic({}, () => ({ writes: [write], result: undefined }))
    return result
  }
  return { ...store, atomic }
}

/** One whose rows may have changed between reading and writing. */
function late(): AgentStore {
  const store = openMemoryStore()
  const atomic: Atomic = async (queries, decide, options) => {
    const found = await store.read(queries, options)
    const decision = decide(found)
    return store.atomic({}, () => decision, options)
  }
  return { ...store, atomic }
}

const forgiving = (writes: readonly Write[]): Write[] =>
  writes.map((write) => (write.op === 'insert' ? { ...write, op: 'put' } : write))

function withoutVersions(): AgentStore {
  const store = openMemoryStore()
  const atomic: Atomic = (queries, decide, options) =>
    store.atomic(queries, decide, options).catch((error: unknown) => {
      if (error instanceof StoreConflict) return undefined as never
      throw error
    })
  return { ...store, atomic }
}

function sharing(): AgentStore {
  const store = openMemoryStore()
  const kept = new Map<string, unknown>()
  return {
    ...store,
    async read(queries, options) {
      const name = JSON.stringify(queries, (_name, value) => (value instanceof Uint8Array ? [...value] : value))
      kept.set(name, kept.get(name) ?? (await store.read(queries, options)))
      return kept.get(name) as never
    },
  }
}

const backwards = (store: AgentStore): AgentStore => ({
  ...store,
  async read(queries, options) {
    const found = await store.read(queries, options)
    const turned = Object.entries(found).map(([name, rows]) => [name, Array.isArray(rows) ? rows.toReversed() : rows])
    return Object.fromEntries(turned)
  },
})

const repeating = (store: AgentStore): AgentStore => ({
  ...store,
  async *pages(table, options) {
    let last: readonly unknown[] | undefined
    for await (const page of store.pages(table, options)) {
      if (last !== undefined) yield last as typeof page
      last = page
      yield page
    }
  },
})

const wrong: Readonly<Record<string, () => AgentStore>> = {
  'writes a part of a call': tearing,
  'writes though what it read has changed': late,
  'replaces what it should insert': () => writing(forgiving),
  'leaves out the last write': () => writing((writes) => writes.slice(0, -1)),
  'carries writes out backwards': () => writing((writes) => writes.toReversed()),
  'says nothing of conflicts': withoutVersions,
  'shares what it has read': sharing,
  'gives rows backwards': () => backwards(openMemoryStore()),
  'gives pages twice': () => repeating(openMemoryStore()),
  'does not close': () => ({ ...openMemoryStore(), close: async () => {}, [Symbol.asyncDispose]: async () => {} }),
  'has another last number': () => ({ ...openMemoryStore(), last: async () => 10 }),
  'says that it is durable, and is not': () => ({
    ...openMemoryStore(),
    supports: { durable: true, encrypted: false },
  }),
  'does not heed a signal': () => {
    const store = openMemoryStore()
    return { ...store, atomic: (queries, decide) => store.atomic(queries, decide) }
  },
}

describe('the suite', () => {
  it('passes with a store that keeps its promises', async () => {
    expect(await failure(openMemoryStore)).toBeUndefined()
  })

  it.each(Object.entries(wrong))('fails with a store that %s', async (_name, open) => {
    expect(await failure(open)).toBeDefined()
  })

  it('runs with the test runner of Node.js', () => {
    const file = fileURLToPath(new URL('../integration/node-test.mjs', import.meta.url))
    // The variable that this runner sets makes another one in it say that it has no tests.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { stdout, status } = spawnSync(process.execPath, ['--test-reporter=tap', file], { encoding: 'utf8', env })
    expect(stdout).toMatch(/^# fail 0$/m)
    expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(30)
    expect(status).toBe(0)
  })
})
