// Spec 13: what keeps an agent going: the change of a connection, what follows when it is stored, and what goes on in the background.
import type { AgentStore, Found, Queries } from '@smpkit/agent-store'
import { get } from '@smpkit/agent-store'
import { type Clock, type Connect, type PoolOptions, type Requester, SmpPool, systemClock } from '@smpkit/smp-client'
import type { ParsedServerAddress, ServerAddress } from '@smpkit/smp-commands/address'
import { acknowledgeEvent, acknowledgeMessage } from './acknowledgements.js'
import { startCleanup } from './cleanup.js'
import { commandHandlers } from './command-handlers.js'
import { wakeCommands } from './commands.js'
import type { Context, RetryOptions } from './context.js'
import { wakeDelivery } from './delivery.js'
import { RequestError } from './errors.js'
import { NeedsWaiting, type WaitingEvents, waitingQueries } from './event-bounds.js'
import { EventStream } from './event-stream.js'
import { Fetching } from './fetching.js'
import { HeldBack } from './held-back.js'
import { createNetwork, type SendingPolicy, ServerTexts } from './network.js'
import { Step } from './step.js'
import { connectionQueries } from './step-rows.js'
import { isSubscribable, Subscriptions } from './subscriptions.js'
import { tellRestored } from './synchronization.js'
import { Workers } from './workers.js'

export interface AgentOptions {
  /** An open store; it stays the caller's, and is closed after the agent. */
  readonly store: AgentStore
  /** Where queues are made, one of them at random; `smp://…`, with passwords where they ask for one. */
  readonly servers: readonly (string | ParsedServerAddress)[]
  /**
   * Default: TLS, where there is Node. `connectThroughSocks` of `@smpkit/smp-transport` hides our IP address from all servers, as Tor does, and
   * keeps users apart there by a user name for each `userId`.
   */
  readonly connect?: Connect
  /** Servers of which short links name only the host, `smp://keyHash@host`, and which ours then leave out as well. Default: none. */
  readonly presets?: readonly (string | ServerAddress)[]
  /** How what we send reaches servers of others. Default: through ours, directly where that fails; see `SendingPolicy`. */
  readonly proxy?: SendingPolicy
  /** In place of `proxy`. */
  readonly route?: (pool: SmpPool) => (server: ServerAddress, userId: string) => Requester
  /** Whether new connections may use the post-quantum ratchet. Default: `true`. */
  readonly pqSupport?: boolean
  /** Whether queues are subscribed to. `false`: messages are fetched when a notification tells of them. Default: `true`. */
  readonly subscribe?: boolean
  readonly retry?: Partial<RetryOptions>
  readonly pool?: Omit<PoolOptions, 'connect' | 'clock' | 'random'>
  /** For waiting. */
  readonly clock?: Clock
  /** Milliseconds since 1970. */
  readonly now?: () => number
  readonly random?: () => number
}

const defaultRetry: RetryOptions = {
  fast: { first: 2000, growAfter: 10_000, max: 120_000 },
  slow: { first: 300_000, growAfter: 60_000, max: 6 * 3_600_000 },
  messageTimeout: 2 * 24 * 3_600_000,
  quotaTimeout: 7 * 24 * 3_600_000,
}

export class Runtime {
  /** Settles when all has ended: `undefined` after `end` without an error, else why. */
  readonly ended: Promise<Error | undefined>
  readonly context: Context
  readonly events: EventStream
  readonly #pool: SmpPool
  readonly #workers: Workers
  readonly #subscriptions: Subscriptions
  readonly #fetching = new Fetching()
  readonly #closing = new AbortController()
  readonly #isSubscribing: boolean
  #onEnded: (error: Error | undefined) => void = () => {}
  #ending: Promise<void> | undefined

  constructor(options: AgentOptions, lastEvent: number, lastCommand: number) {
    const { store, clock = systemClock, random = Math.random, now = Date.now, connect } = options
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve
    })
    this.#isSubscribing = options.subscribe ?? true
    this.#pool = new SmpPool({ ...options.pool, clock, random, ...(connect ? { connect } : {}) })
    const texts = new ServerTexts()
    const { servers, presets = [], proxy = {} } = options
    const route = options.route?.(this.#pool)
    const network = createNetwork({ pool: this.#pool, texts, servers, presets, proxy, route, random, clock })
    const onError = (error: unknown) => void this.#fail(error)
    const closing = this.#closing.signal
    this.#workers = new Workers(clock, closing, onError, () => void this.#rest())
    this.#subscriptions = new Subscriptions({
      context: () => this.context,
      pool: this.#pool,
      texts,
      onError,
      onUp: () => this.#workers.wakeAll(),
    })
    this.events = new EventStream({
      store,
      clock,
      lastStored: lastEvent,
      ack: (row, more) => acknowledgeEvent(this.context, row, more),
      closing,
    })
    const source = { nextEventId: () => ++lastEvent, nextCommandNo: () => ++lastCommand, now }
    const fetching = this.#fetching
    this.context = {
      store,
      network,
      clock,
      random,
      now,
      retry: { ...defaultRetry, ...options.retry },
      closing,
      pqSupport: options.pqSupport ?? true,
      step: (connId, queries, work) => this.#step(connId, queries, work, source),
      create: (connection, queries, work) =>
        this.#write(connection.connId, queries, (found) => [Step.create(connection, source), found], work),
      wakeDelivery: (connId, queueNo, { urgent = false } = {}) =>
        wakeDelivery(this.context, this.#workers, { connId, queueNo, urgent }),
      wakeCommands: (connId) => wakeCommands(this.context, this.#workers, commandHandlers, connId),
      redeliver: (row) => this.events.addAgain(row),
      subscribe: (queues) => this.#subscriptions.add(queues),
      unsubscribe: (queues) => this.#subscriptions.remove(queues),
      acknowledge: async (queue, userId, brokerId) => {
        if (closing.aborted) return
        await acknowledgeMessage(this.context, queue, userId, brokerId)
        fetching.acknowledged(queue, brokerId)
      },
      isSubscribed: (queue) => this.#isSubscribing && isSubscribable(queue),
      fetching,
      heldBack: new HeldBack(),
      rest: () => this.#rest(),
    }
    void store.closed.then((error) => this.end(error))
  }

  /** Whether it takes no more calls. */
  get isClosing(): boolean {
    return this.#closing.signal.aborted
  }

  #step<Q extends Queries, R>(
    connId: Uint8Array,
    queries: Q,
    work: (step: Step, found: Found<Q>) => R,
    source: ConstructorParameters<typeof Step>[1],
  ): Promise<R> {
    const all = { ...queries, ...connectionQueries(connId) }
    const begin = (found: object, waiting?: WaitingEvents): [Step, Found<Q>] => {
      const { connection, receiveQueues, sendQueues, ratchet } = found as Found<ReturnType<typeof connectionQueries>>
      if (!connection)
        throw new RequestError('NOT_FOUND', 'expected a connection of this agent, found none with that id')
      const rows = { connection, receiveQueues, sendQueues, ratchet, ...(waiting && { waiting }) }
      return [new Step(rows, source), found as Found<Q>]
    }
    return this.#write(connId, all, (found) => begin(found), work).catch((error: unknown) => {
      if (!(error instanceof NeedsWaiting)) throw error
      const more = { ...all, ...waitingQueries(connId) }
      return this.#write(connId, more, (found) => begin(found, found as unknown as WaitingEvents), work)
    })
  }

  async #write<Q extends Queries, F, R>(
    connId: Uint8Array,
    queries: Q,
    begin: (found: Found<Q>) => [Step, F],
    work: (step: Step, found: F) => R,
  ): Promise<R> {
    const { step, result } = await this.context.store.atomic(queries, (found) => {
      const [step, rows] = begin(found)
      const result = work(step, rows)
      return step.finish({ step, result })
    })
    this.#after(connId, step)
    return result
  }

  /** What is stored takes effect. */
  #after(connId: Uint8Array, { effects, connection: { userId } }: Step): void {
    if (effects.eventsRemoved) this.events.forget(connId)
    for (const row of effects.events) this.events.add(row)
    if (effects.unsubscribe.length > 0) {
      this.context.unsubscribe(effects.unsubscribe.map((queue) => ({ queue, userId })))
    }
    if (effects.subscribe.length > 0 && this.#isSubscribing) {
      const queues = effects.subscribe.map((queue) => ({ queue, userId }))
      this.context.subscribe(queues).catch((error: unknown) => this.#fail(error))
    }
    for (const queueNo of effects.deliveries) this.context.wakeDelivery(connId, queueNo)
    for (const queueNo of effects.continued) this.context.wakeDelivery(connId, queueNo, { urgent: true })
    if (effects.commands) this.context.wakeCommands(connId)
  }

  /** Subscribes everything and continues what was under way. */
  async resume(): Promise<void> {
    const { store } = this.context
    for await (const page of store.pages('commands')) {
      for (const { connId } of page) this.context.wakeCommands(connId)
    }
    for await (const page of store.pages('deliveries')) {
      for (const { connId, queueNo } of page) this.context.wakeDelivery(connId, queueNo)
    }
    await tellRestored(this.context)
    startCleanup(this.context, this.#workers)
    if (this.#isSubscribing) void this.#subscribeAll().catch((error: unknown) => this.#fail(error))
  }

  async #subscribeAll(): Promise<void> {
    const { store } = this.context
    // Small pages: what is read is signed and sent while the next ones are read.
    for await (const page of store.pages('receiveQueues', { size: 128, signal: this.#closing.signal })) {
      const ids = [...new Map(page.map(({ connId }) => [String(connId), connId])).values()]
      const queries = Object.fromEntries(ids.map((connId, i) => [i, get('connections', { connId })]))
      const found = Object.values(await store.read(queries))
      const users = new Map(found.flatMap((row) => (row ? [[String(row.connId), row.userId] as const] : [])))
      const queues = page.flatMap((queue) => {
        const userId = users.get(String(queue.connId))
        return userId !== undefined && isSubscribable(queue) ? [{ queue, userId }] : []
      })
      // Servers that cannot be reached are tried again later; they do not hold up the others.
      this.context.subscribe(queues).catch((error: unknown) => this.#fail(error))
      if (this.#closing.signal.aborted) return
    }
  }

  /** Who sleeps keeps no connections: only as long as something is fetched or sent. */
  async #rest(): Promise<void> {
    if (this.#isSubscribing || this.#closing.signal.aborted || !this.#fetching.isIdle || this.#workers.areBusy) return
    await Promise.all(this.#pool.servers().map((server) => server.close()))
  }

  #fail(error: unknown): Promise<void> {
    return this.end(error instanceof Error ? error : new Error('unexpected error', { cause: error }))
  }

  /** Ends all work and connections. What is not finished goes on when the store is opened again. */
  end(error?: Error): Promise<void> {
    this.#ending ??= this.#shutDown(error)
    return this.#ending
  }

  async #shutDown(error: Error | undefined): Promise<void> {
    this.#closing.abort()
    await this.#pool.close()
    await this.#subscriptions.ended()
    await this.#workers.ended()
    this.#onEnded(error)
  }
}
