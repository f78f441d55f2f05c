// Spec 30 §6: the SMP servers, each of them one key hash whatever its hosts are called.

import { type PrivateAuthKey, PrivateKey } from '@smpkit/crypto'
import { fromBase64url } from '@smpkit/encoding'
import { parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import type { Clock } from './clock.js'
import { errorKind, type Logger } from './logger.js'
import type { ServerRow, SubscriptionRow } from './rows.js'
import { type NotificationStore, pagesOf } from './store.js'
import type { Notifier, SmpSubscriber } from './subscriber.js'

export interface ServerStatus {
  /** As it is reached. */
  readonly address: string
  readonly up: boolean
  /** When `up` changed, in milliseconds; `null` if it never did. */
  readonly since: number | null
  /** Why it is down. */
  readonly reason: string | null
}

interface ServerState {
  row: ServerRow
  address: ServerAddress
  up: boolean
  since: number | null
  reason: string | null
  moving: boolean
  /** Sessions that did not end orderly. */
  losses: number
  /** When it was last looked for at another address. */
  probedAt: number
}

/** Not more often is one server looked for at another address, in milliseconds. */
const probeEvery = 60_000

export class Servers {
  readonly #states = new Map<string, ServerState>()
  readonly #moves = new Set<Promise<void>>()

  constructor(
    readonly store: NotificationStore,
    readonly subscriber: SmpSubscriber,
    readonly clock: Clock,
    readonly logger: Logger,
  ) {}

  /** Reads the servers. After an unclean end, each of them owes a check. */
  async restore(clean: boolean): Promise<void> {
    for await (const rows of pagesOf(this.store, 'servers')) {
      const owing = clean ? rows : rows.map((row) => ({ ...row, checkOwed: true }))
      if (!clean) await this.store.atomic({}, () => ({ changes: { servers: owing }, result: undefined }))
      for (const row of owing) this.remember(row)
    }
  }

  /** Takes note of a row that was committed. */
  remember(row: ServerRow): void {
    const state = this.#states.get(row.key)
    const address = parseServerAddress(row.address, 'smp')
    if (state) Object.assign(state, { row, address })
    else
      this.#states.set(row.key, {
        row,
        address,
        up: false,
        since: null,
        reason: null,
        moving: false,
        losses: 0,
        probedAt: Number.NEGATIVE_INFINITY,
      })
  }

  row(key: string): ServerRow | undefined {
    return this.#states.get(key)?.row
  }

  isUp(key: string): boolean {
    return this.#states.get(key)?.up ?? false
  }

  downSince(key: string): number | null {
    return this.#states.get(key)?.since ?? null
  }

  /** Servers that owe checks and have been up for so long. */
  owingSince(milliseconds: number): string[] {
    const before = this.clock.now() - milliseconds
    const states = [...this.#states.values()]
    return states
      .filter(({ row, up, since }) => row.checkOwed && up && since !== null && since <= before)
      .map(({ row }) => row.key)
  }

  list(): ServerStatus[] {
    return [...this.#states.values()].map(({ row, up, since, reason }) => ({ address: row.address, up, since, reason }))
  }

  /** Subscribes the queues of rows, whatever their servers. */
  subscribe(rows: readonly SubscriptionRow[], options?: { readonly individually?: boolean }): void {
    for (const [key, group] of groupByServer(rows)) {
      const state = this.#states.get(key)
      if (state) this.subscriber.subscribe(state.address, group.map(notifierOf), options)
    }
  }

  unsubscribe(rows: readonly SubscriptionRow[]): void {
    for (const [key, group] of groupByServer(rows)) {
      const state = this.#states.get(key)
      if (state)
        this.subscriber.unsubscribe(
          state.address,
          group.map(({ notifierId }) => notifierId),
        )
    }
  }

  /** Every subscription of a server that is to be kept up, in pieces. */
  async *subscribed(server: string): AsyncGenerator<readonly SubscriptionRow[]> {
    for await (const rows of pagesOf(this.store, 'subscriptions', { server })) yield rows.filter(isKeptUp)
  }

  setUp(key: string): void {
    const state = this.#states.get(key)
    if (state) Object.assign(state, { up: true, since: this.clock.now(), reason: null })
  }

  /** A session that did not end orderly owes checks, also after a restart. */
  async setDown(key: string, orderly: boolean, reason: string): Promise<void> {
    const state = this.#states.get(key)
    if (!state) return
    if (state.up || state.since === null) state.since = this.clock.now()
    Object.assign(state, { up: false, reason })
    if (orderly) return
    state.losses++
    await this.#change(key, (row) => ({ ...row, checkOwed: true }))
  }

  /** How many sessions were lost: for `checksOwed`. */
  losses(key: string): number {
    return this.#states.get(key)?.losses ?? 0
  }

  /** The checks that so many lost sessions owe are in the outbox. */
  checksOwed(key: string, losses: number): Promise<void> {
    return this.#change(key, (row) => ({ ...row, checkOwed: this.losses(key) !== losses }))
  }

  /** Nothing happens to a row that is gone. */
  async #change(key: string, change: (row: ServerRow) => ServerRow): Promise<void> {
    const servers = await this.store.atomic({ servers: { key: [key] } }, (rows) => {
      const servers = rows.servers.map(change)
      return { changes: { servers }, result: servers }
    })
    for (const row of servers) this.remember(row)
  }

  /**
   * Drops the servers without subscriptions: clients name as many as they like. One that is up is kept until it is down, because it would
   * not be told of again.
   */
  async forgetUnused(): Promise<void> {
    const idle = [...this.#states.values()].filter(({ up, moving }) => !up && !moving).map(({ row }) => row)
    const key = idle.map((row) => row.key)
    const { usedServers } = await this.store.read({ usedServers: key })
    if (usedServers.length === idle.length) return
    const unused = await this.store.atomic({ servers: { key }, usedServers: key }, (rows) => {
      const used = new Set(rows.usedServers)
      const unused = rows.servers.filter((row) => !used.has(row.key)).map((row) => row.key)
      return { changes: { remove: { servers: unused } }, result: new Set(unused) }
    })
    for (const row of idle) {
      const state = this.#states.get(row.key)
      // A row that was made meanwhile is another one.
      if (unused.has(row.key) && state?.row === row && !state.up) this.#states.delete(row.key)
    }
  }

  /**
   * A subscription named this server at another address. While the server cannot be reached where it was, it is tried there,
   * and all its subscriptions move when the handshake succeeds. A server that answers is not moved: its addresses are
   * then names of one server.
   */
  considerMove(key: string, address: string): void {
    const state = this.#states.get(key)
    if (!state || state.up || state.moving || state.row.address === address) return
    const now = this.clock.now()
    if (now - state.probedAt < probeEvery) return
    Object.assign(state, { moving: true, probedAt: now })
    const move = this.#move(state, address)
      .catch((error) => this.logger.error({ error: errorKind(error) }, 'moving an SMP server failed'))
      .finally(() => {
        state.moving = false
        this.#moves.delete(move)
      })
    this.#moves.add(move)
  }

  async #move(state: ServerState, text: string): Promise<void> {
    const address = parseServerAddress(text, 'smp')
    if (!(await this.subscriber.probe(address)) || state.up) return
    const before = state.address
    const { key } = state.row
    await this.#change(key, (row) => ({ ...row, address: text }))
    for await (const rows of this.subscribed(key)) {
      this.subscriber.unsubscribe(
        before,
        rows.map(({ notifierId }) => notifierId),
      )
      this.subscriber.subscribe(address, rows.map(notifierOf))
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#moves)
  }
}

/** Whether its queue is subscribed from the start of a session, and not only when its time has come. */
export const isKeptUp = ({ status }: SubscriptionRow): boolean => status === 'pending' || status === 'active'

function notifierOf({ notifierId, notifierKey }: SubscriptionRow): Notifier {
  return { notifierId, notifierKey: PrivateKey.fromDer(notifierKey) as PrivateAuthKey }
}

function groupByServer(rows: readonly SubscriptionRow[]): Map<string, SubscriptionRow[]> {
  const groups = new Map<string, SubscriptionRow[]>()
  for (const row of rows) {
    const group = groups.get(row.server)
    if (group) group.push(row)
    else groups.set(row.server, [row])
  }
  return groups
}

/** The raw key hash of a server's key in rows. */
export const keyHashOf = (key: string): Uint8Array => fromBase64url(key)
