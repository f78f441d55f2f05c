// Issue texts, spec 30 §5: clients of a front door that keeps a connection for each of them.
import type { Answers } from './answers.js'
import type { Clock } from './clock.js'
import type { Limits } from './limits.js'
import type { ClientRow } from './rows.js'
import type { Servers } from './servers.js'
import { type NotificationStore, pagesOf } from './store.js'

export interface ClientsOptions {
  readonly store: NotificationStore
  readonly servers: Servers
  readonly answers: Answers
  readonly clock: Clock
  readonly limits: Limits
}

export class Clients {
  readonly #options: ClientsOptions

  constructor(options: ClientsOptions) {
    this.#options = options
  }

  /** Takes note of a client; one without a token is dropped after a while. */
  async ensure(owner: string): Promise<void> {
    const { store, clock, limits } = this.#options
    await store.atomic({ clients: { owner: [owner] } }, ({ clients }) => {
      if (clients.length > 0) return { changes: {}, result: undefined }
      const now = clock.now()
      const row: ClientRow = {
        owner,
        createdAt: now,
        checkAt: now + limits.idleClientExpiry,
        idleSince: now,
        newServers: 0,
        newServersSince: now,
      }
      return { changes: { clients: [row] }, result: undefined }
    })
  }

  async *all(): AsyncGenerator<ClientRow> {
    for await (const rows of pagesOf(this.#options.store, 'clients')) yield* rows
  }

  /** Deletes everything of a client. */
  async remove(owner: string): Promise<void> {
    const { store, servers, answers } = this.#options
    const selection = { tokens: { owner: [owner] }, subscriptions: { owner: [owner] } }
    const lost = await store.atomic(selection, ({ tokens, subscriptions }) => ({
      changes: { remove: { tokens: tokens.map(({ id }) => id), clients: [owner] } },
      result: subscriptions,
    }))
    servers.unsubscribe(lost)
    answers.forgetOwner(owner)
  }

  /** Looks at those whose time has come; gives the owners that have had no token for too long, which stay due until they are removed. */
  async idle(limit: number): Promise<readonly string[]> {
    const { store, clock, limits } = this.#options
    const idle: string[] = []
    for (const { owner } of await store.due('clients', clock.now(), limit)) {
      const isIdle = await store.atomic({ clients: { owner: [owner] }, countsOf: owner }, ({ clients, counts }) => {
        const now = clock.now()
        const [row] = clients
        if (!row) return { changes: {}, result: false }
        const idleSince = counts.tokens > 0 ? null : (row.idleSince ?? now)
        const isIdle = idleSince !== null && now - idleSince >= limits.idleClientExpiry
        if (isIdle) return { changes: {}, result: true }
        const checkAt = (idleSince ?? now) + limits.idleClientExpiry
        return { changes: { clients: [{ ...row, idleSince, checkAt }] }, result: false }
      })
      if (isIdle) idle.push(owner)
    }
    return idle
  }
}
