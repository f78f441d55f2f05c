// Spec 30 §6, issue texts: what happens by itself when its time has come: another NSUB, periodic pushes, expiry.
import type { Answers } from './answers.js'
import type { Clients } from './clients.js'
import type { Clock } from './clock.js'
import type { Limits } from './limits.js'
import { errorKind, type Logger } from './logger.js'
import type { Outbox } from './outbox.js'
import { freshRow } from './outbox-rules.js'
import { type OutboxRow, outboxId, type SubscriptionRow, type TokenRow, tokenDueAt } from './rows.js'
import type { Servers } from './servers.js'
import { dueIn, type NotificationStore } from './store.js'

export interface MaintenanceOptions {
  readonly store: NotificationStore
  readonly servers: Servers
  readonly outbox: Outbox
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  /** Deletes those that are still so. */
  readonly forget: (tokens: readonly string[], where: (row: TokenRow) => boolean) => Promise<void>
  readonly oweOverdueChecks: () => Promise<void>
  readonly answers: Answers
  readonly clients: Clients
  /** Lets a client go before its rows are deleted. */
  readonly drop: (owner: string) => Promise<void>
}

export class Maintenance {
  readonly #options: MaintenanceOptions
  #cancel = () => {}
  #running: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: MaintenanceOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#closed) return
    const { clock, limits, logger } = this.#options
    this.#cancel = clock.schedule(() => {
      this.#running = this.#round()
        .catch((error) => logger.error({ error: errorKind(error) }, 'maintenance could not use the store'))
        .then(() => this.start())
    }, limits.maintenanceEvery)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancel()
    await this.#running
  }

  async #round(): Promise<void> {
    await this.#subscriptions()
    await this.#tokens()
    await this.#options.oweOverdueChecks()
    await this.#options.servers.forgetUnused()
    await this.#options.answers.expire()
    await this.#tombstones()
    await this.#clients()
  }

  async #tombstones(): Promise<void> {
    const { store, clock, limits } = this.#options
    const before = clock.now() - limits.tombstoneExpiry
    for await (const due of dueIn(store, 'tombstones', before, limits.maintenanceBatch)) {
      const tombstones = due.map(({ id }) => id)
      await store.atomic({}, () => ({ changes: { remove: { tombstones } }, result: undefined }))
    }
  }

  async #clients(): Promise<void> {
    const { clients, drop, limits, logger } = this.#options
    for (const owner of await clients.idle(limits.maintenanceBatch)) {
      try {
        await drop(owner)
        await clients.remove(owner)
      } catch (error) {
        logger.error({ error: errorKind(error) }, 'a client without a token was not dropped')
      }
    }
  }

  /** At most one batch in a round: queues that were subscribed together are not verified together. */
  async #subscriptions(): Promise<void> {
    const { store, servers, clock, limits } = this.#options
    const due = await store.due('subscriptions', clock.now(), limits.maintenanceBatch)
    if (due.length === 0) return
    const rows = await store.atomic({ subscriptions: { id: due.map(({ id }) => id) } }, ({ subscriptions }) => {
      const now = clock.now()
      const taken = subscriptions.filter(({ nextAt }) => nextAt !== null && nextAt <= now)
      // The answer sets the next time; this one counts if there is none, for instance because we end before.
      const delay = (row: SubscriptionRow) => (row.status === 'active' ? limits.verifyEvery : limits.unansweredRetry)
      const changed = taken.map((row) => ({ ...row, nextAt: now + delay(row) }))
      return { changes: { subscriptions: changed }, result: changed }
    })
    servers.subscribe(rows)
    // While a server was up, subscriptions may have named the address where it is now.
    for (const { server, address } of rows) servers.considerMove(server, address)
  }

  async #tokens(): Promise<void> {
    const { store, clock, limits } = this.#options
    for await (const due of dueIn(store, 'tokens', clock.now(), limits.maintenanceBatch)) await this.#tokenBatch(due)
  }

  async #tokenBatch(due: readonly TokenRow[]): Promise<void> {
    const { outbox, clock, limits, forget } = this.#options
    const isForgotten = (row: TokenRow) => row.status === 'expired' && row.expiresAt <= clock.now()
    const expired = await outbox.commit({ tokens: { id: due.map(({ id }) => id) } }, ({ tokens }) => {
      const now = clock.now()
      const taken = tokens.filter((row) => tokenDueAt(row) <= now)
      const expired = taken.filter(isForgotten).map(({ id }) => id)
      const changed = taken.filter((row) => !isForgotten(row)).map((row) => tokenAfter(row, now, limits))
      const owed: OutboxRow[] = changed
        .filter((row) => row.status === 'active')
        .map((row) => freshRow({ token: row.id, kind: 'check', provider: row.provider }, now))
      const outboxRemoved = changed
        .filter((row) => row.status === 'expired')
        .map(({ id }) => outboxId(id, 'verification'))
      const changes = { tokens: changed, outboxIfAbsent: owed, remove: { outbox: outboxRemoved } }
      return { changes, result: expired }
    })
    if (expired.length > 0) await forget(expired, isForgotten)
  }
}

/** What becomes of a token whose time has come: it expires, or its next periodic push is planned. */
export function tokenAfter(row: TokenRow, now: number, limits: Limits): TokenRow {
  if (row.expiresAt <= now) {
    return {
      ...row,
      status: 'expired',
      reason: null,
      updatedAt: now,
      periodicAt: null,
      expiresAt: now + limits.expiredDeletion,
    }
  }
  return { ...row, periodicAt: row.periodMinutes > 0 ? now + row.periodMinutes * 60_000 : null }
}
