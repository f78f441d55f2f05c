// Spec 30 §6: the SMP servers, each of them one key hash whatever its hosts are called.

import { type PrivateAuthKey, PrivateKey } from '@smpkit/crypto'
import { fromBase64url } from '@smpkit/encoding'
import { parseServerAddress } from '@smpkit/smp-commands/address'
import { createServiceCredentials } from '@smpkit/smp-transport'
import type { Clock } from './clock.js'
import { LateWrites } from './late-writes.js'
import { errorKind, type Logger } from './logger.js'
import type { NotifierService } from './pool-subscriber.js'
import { isPaced, Resumption } from './resumption.js'
import type { ServerRow, SubscriptionRow } from './rows.js'
import {
  isSaved,
  newState,
  plus,
  type Received,
  type ServerState,
  type ServerStatus,
  savedState,
  statusOf,
} from './server-state.js'
import { type NotificationStore, pagesOf } from './store.js'
import type { Notifier, SmpSubscriber } from './subscriber.js'

/** Not more often is one server looked for at another address, in milliseconds. */
const probeEvery = 60_000
/** After which rows tell that servers went up or down: many do so together. */
const saveDelay = 1000
export interface ServersOptions {
  readonly store: NotificationStore
  readonly subscriber: SmpSubscriber
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
}

export class Servers {
  readonly store: NotificationStore
  readonly subscriber: SmpSubscriber
  readonly clock: Clock
  readonly logger: Logger
  readonly #states = new Map<string, ServerState>()
  readonly #moves = new Set<Promise<void>>()
  readonly #saves: LateWrites
  readonly #resumption: Resumption

  constructor({ store, subscriber, clock, logger, random }: ServersOptions) {
    this.store = store
    this.subscriber = subscriber
    this.clock = clock
    this.logger = logger
    this.#saves = new LateWrites(clock, saveDelay, (keys) => this.#save(keys))
    this.#resumption = new Resumption({ clock, random }, (key, notifiers) => {
      const state = this.#states.get(key)
      if (state) subscriber.subscribe(state.address, notifiers)
    })
  }

  /** Reads the servers. After an unclean end, each of them owes a check. */
  async restore(clean: boolean): Promise<void> {
    for await (const rows of pagesOf(this.store, 'servers')) {
      const owing = clean ? rows : rows.map((row) => ({ ...row, checkOwed: true }))
      if (!clean) await this.store.atomic({}, () => ({ changes: { servers: owing }, result: undefined }))
      for (const row of owing) this.remember(row)
    }
  }

  /** What we present to a server as a service: made once, and stored before it is first presented (06 §2). */
  async service(key: string): Promise<NotifierService | null> {
    const known = this.row(key)
    if (!known) return null
    const row = known.serviceKey ? known : await this.#createService(key)
    if (!row?.serviceKey || !row.serviceCertificate) return null
    const privateKey = PrivateKey.fromDer(row.serviceKey)
    return privateKey.is('ed25519') ? { certChain: [row.serviceCertificate], privateKey } : null
  }

  async #createService(key: string): Promise<ServerRow | undefined> {
    const { certChain, privateKey } = createServiceCredentials(new Date(this.clock.now()))
    const [serviceCertificate = null] = certChain
    const serviceKey = privateKey.toDer()
    return this.#change(key, (row) => (row.serviceKey ? row : { ...row, serviceCertificate, serviceKey }))
  }

  /** Takes note of a row that was committed. */
  remember(row: ServerRow): void {
    const state = this.#states.get(row.key)
    const address = parseServerAddress(row.address, 'smp')
    if (state) Object.assign(state, { row, address })
    else this.#states.set(row.key, newState(row, address))
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

  countReceived(key: string, received: Received): void {
    const state = this.#states.get(key)
    if (state) state.received = plus(state.received, received)
  }

  list(): ServerStatus[] {
    return [...this.#states.values()].map(statusOf)
  }

  /** Takes rows up at the start, as they are read. Queues of a service wait until all are known: the server is asked for all of them. */
  resume(rows: readonly SubscriptionRow[]): void {
    const everything = isPaced(this.#states.size)
    for (const [key, group] of groupByServer(rows)) {
      const state = this.#states.get(key)
      if (!state) continue
      const waits = ({ byService }: SubscriptionRow) => everything || (byService && state.serviceId !== null)
      const later = group.filter(waits).map((row) => notifierOf(row, row.byService ? state.serviceId : null))
      const atOnce = group.filter((row) => !waits(row)).map((row) => notifierOf(row))
      if (atOnce.length > 0) this.subscriber.subscribe(state.address, atOnce)
      if (later.length > 0) this.#resumption.add(key, later)
    }
  }

  /** All rows were taken up. Of many servers not all are connected to at once. */
  resumed(): void {
    this.#resumption.begin(this.#states.size)
  }

  /** Subscribes the queues of rows, whatever their servers. */
  subscribe(rows: readonly SubscriptionRow[]): void {
    for (const [key, group] of groupByServer(rows)) {
      const state = this.#states.get(key)
      if (!state) continue
      this.#resumption.now(key)
      this.subscriber.subscribe(
        state.address,
        group.map((row) => notifierOf(row)),
      )
    }
  }

  unsubscribe(rows: readonly SubscriptionRow[]): void {
    for (const [key, group] of groupByServer(rows)) {
      const state = this.#states.get(key)
      if (!state) continue
      this.#resumption.now(key)
      const ids = group.map(({ notifierId }) => notifierId)
      this.subscriber.unsubscribe(state.address, ids)
    }
  }

  /** Every subscription of a server that is to be kept up, in pieces. */
  async *subscribed(server: string): AsyncGenerator<readonly SubscriptionRow[]> {
    for await (const rows of pagesOf(this.store, 'subscriptions', { server })) yield rows.filter(isKeptUp)
  }

  setUp(key: string, serviceId: Uint8Array | null): void {
    const state = this.#states.get(key)
    if (!state) return
    if (!state.up) state.since = this.clock.now()
    Object.assign(state, { up: true, reason: null, byService: serviceId !== null })
    // Without a service in this session it is the next one that may have it again.
    state.serviceId = serviceId ?? state.serviceId
    this.#saveLater(state)
  }

  /** A session that did not end orderly owes checks, also after a restart. */
  async setDown(key: string, orderly: boolean, reason: string): Promise<void> {
    const state = this.#states.get(key)
    if (!state) return
    if (state.up || state.since === null) state.since = this.clock.now()
    Object.assign(state, { up: false, reason, byService: false })
    if (orderly) this.#saveLater(state)
    else await this.oweChecks(key)
  }

  /** Notifications of a server were lost, or may have been. */
  async oweChecks(key: string): Promise<void> {
    const state = this.#states.get(key)
    if (!state) return
    state.losses++
    await this.#change(key, (row) => ({ ...row, ...savedState(state), checkOwed: true }))
  }

  #saveLater(state: ServerState): void {
    if (!isSaved(state)) this.#saves.add(state.row.key)
  }

  async #save(key: readonly string[]): Promise<void> {
    try {
      const saved = await this.store.atomic({ servers: { key } }, (rows) => {
        const servers = rows.servers.map((row) => ({ ...row, ...savedState(this.#states.get(row.key) ?? row) }))
        return { changes: { servers }, result: servers }
      })
      for (const row of saved) this.#noteRow(row)
    } catch (error) {
      this.logger.error({ error: errorKind(error) }, 'the state of SMP servers was not stored')
      for (const one of key) this.#saves.add(one)
    }
  }

  /** How many sessions were lost: for `checksOwed`. */
  losses(key: string): number {
    return this.#states.get(key)?.losses ?? 0
  }

  /** The checks that so many lost sessions owe are in the outbox. */
  async checksOwed(key: string, losses: number): Promise<void> {
    await this.#change(key, (row) => ({ ...row, checkOwed: this.losses(key) !== losses }))
  }

  /** Nothing happens to a row that is gone. */
  async #change(key: string, change: (row: ServerRow) => ServerRow): Promise<ServerRow | undefined> {
    const servers = await this.store.atomic({ servers: { key: [key] } }, (rows) => {
      const servers = rows.servers.map(change)
      return { changes: { servers }, result: servers }
    })
    for (const row of servers) this.#noteRow(row)
    return servers[0]
  }

  /** It may have been forgotten meanwhile. */
  #noteRow(row: ServerRow): void {
    if (this.#states.has(row.key)) this.remember(row)
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
      const unused = key.filter((one) => !used.has(one))
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
    await this.#change(state.row.key, (row) => ({ ...row, address: text }))
    this.subscriber.move(address)
  }

  async close(): Promise<void> {
    this.#resumption.close()
    await Promise.all(this.#moves)
    await this.#saves.close()
  }
}

/** Whether its queue is subscribed from the start of a session, and not only when its time has come. */
export const isKeptUp = ({ status }: SubscriptionRow): boolean => status === 'pending' || status === 'active'

function notifierOf(row: SubscriptionRow, serviceId: Uint8Array | null = null): Notifier {
  const { notifierId, notifierKey, status, byService } = row
  const isKnown = status === 'active' && !byService
  return { notifierId, notifierKey: PrivateKey.fromDer(notifierKey) as PrivateAuthKey, serviceId, isKnown }
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
