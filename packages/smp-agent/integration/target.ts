// What the agents of these tests run on: SMP_SERVER (and SMP_SERVER_2), or embedded servers; and every kind of store.
import { type SmpServer, type SmpServerOptions, startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll, describe, type TestContext } from 'vitest'
import { missing, usePostgres } from '../src/testing/postgres-storage.js'
import { memoryStorage, type StorageFactory, sqliteStorage } from '../src/testing/storage.js'
import type { UserOptions } from '../src/testing/users.js'

export interface Target {
  /** Options of agents on the first server, or on the second one. */
  first(): UserOptions
  second(): UserOptions
  /** The first embedded server. Skips the test where it is another one. */
  embedded(context: TestContext): EmbeddedServer
}

/** Delays of a test: a server that is away is found again at once. */
export const quick = {
  pool: { reconnect: { firstDelay: 20, maxDelay: 100 } },
  retry: { fast: { first: 50, growAfter: 1000, max: 500 } },
} as const

/** A server that can go away and come back. */
export class EmbeddedServer {
  readonly #options: SmpServerOptions
  #server: SmpServer | undefined
  /** What the next one goes on with. */
  #kept: Pick<SmpServerOptions, 'port' | 'state' | 'identity'> = {}
  address = ''

  constructor(options: SmpServerOptions = {}) {
    this.#options = options
  }

  async start(): Promise<void> {
    this.#server = await startSmpServer({ ...this.#options, ...this.#kept })
    this.address = this.#server.addressText
  }

  /** Its queues and messages come back with the next `start`, or are lost. */
  async stop({ lose = false } = {}): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    const { port, identity } = server
    const state = await server.stop()
    this.#kept = lose ? { port, identity } : { port, state }
  }

  async dropConnections(): Promise<void> {
    await this.#server?.dropConnections()
  }
}

/** An embedded server of one's own, for the tests of a file. */
export function useServer(options: SmpServerOptions = {}): EmbeddedServer {
  const server = new EmbeddedServer(options)
  beforeAll(() => server.start())
  afterAll(() => server.stop())
  return server
}

export function useTarget(): Target {
  const { SMP_SERVER, SMP_SERVER_2 } = process.env
  if (SMP_SERVER_2 && !SMP_SERVER) throw new Error('SMP_SERVER_2 needs SMP_SERVER')
  const embedded = SMP_SERVER ? undefined : [useServer(), useServer()]
  const on = (index: number) => {
    const given = [SMP_SERVER, SMP_SERVER_2 || SMP_SERVER][index]
    return { ...quick, servers: [given ?? embedded?.[index]?.address ?? ''] }
  }
  return {
    first: () => on(0),
    second: () => on(1),
    embedded(context) {
      const [server] = embedded ?? []
      if (!server) context.skip('needs the embedded server')
      return server as EmbeddedServer
    },
  }
}

/** The tests of `body` over each kind of store. */
export function overStorages(body: (storage: StorageFactory) => void): void {
  describe('over memory', () => body(memoryStorage))
  describe('over SQLite', () => body(sqliteStorage))
  describe.skipIf(missing)(`over PostgreSQL${missing ? ` did not run: ${missing}` : ''}`, () => body(usePostgres()))
}
