// A store that fails for a while, as a database does that is away or has no room.
import { type AgentStore, openMemoryStore, StoreError } from '@smpkit/agent-store'
import type { Storage } from './storage.js'

export class FlakyStore implements Storage {
  /** What fails: everything, what writes, or nothing. */
  failing: 'all' | 'writes' | 'nothing' = 'nothing'
  /** Calls that have failed. */
  failures = 0
  /** Comes between the decision to write and the write, once it is set. */
  beforeWrite: ((store: AgentStore) => Promise<void>) | undefined
  readonly temporary: boolean
  readonly #store = openMemoryStore()

  constructor({ temporary = true }: { temporary?: boolean } = {}) {
    this.temporary = temporary
  }

  #check(kind: 'reads' | 'writes'): void {
    if (this.failing === 'nothing' || (this.failing === 'writes' && kind === 'reads')) return
    this.failures++
    throw new StoreError('UNAVAILABLE', 'expected a database, there is none', { temporary: this.temporary })
  }

  async open(): Promise<AgentStore> {
    const store = this.#store
    return {
      supports: store.supports,
      closed: store.closed,
      read: async (queries, options) => {
        this.#check('reads')
        return await store.read(queries, options)
      },
      atomic: async (queries, decide, options) => {
        this.#check('writes')
        await this.beforeWrite?.(store)
        return await store.atomic(queries, decide, options)
      },
      pages: (table, options) => {
        this.#check('reads')
        return store.pages(table, options)
      },
      last: async (table, options) => {
        this.#check('reads')
        return await store.last(table, options)
      },
      close: () => store.close(),
      [Symbol.asyncDispose]: () => store.close(),
    }
  }

  async close(): Promise<void> {}

  drop(): Promise<void> {
    return this.#store.close()
  }
}
