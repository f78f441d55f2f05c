// Spec 13: an agent: its connections, over a store and SMP servers.
import type { AgentStore, Found, Queries } from '@smpkit/agent-store'
import { get } from '@smpkit/agent-store'
import {
  acknowledge,
  type Clock,
  type Connect,
  type PoolOptions,
  type Requester,
  SmpPool,
  systemClock,
} from '@smpkit/smp-client'
import type { ParsedServerAddress, ServerAddress } from '@smpkit/smp-commands/address'
import { acknowledgeEvent } from './acknowledgements.js'
import { startCleanup } from './cleanup.js'
import { commandHandlers } from './command-handlers.js'
import { wakeCommands } from './commands.js'
import { allow } from './confirmations.js'
import { type ConnectionId, idFromText } from './connection-id.js'
import type { ConnectionRequest } from './connection-request.js'
import type { Context, RetryOptions } from './context.js'
import { type DeleteOptions, deleteConnection } from './deletion.js'
import { wakeDelivery } from './delivery.js'
import { RequestError } from './errors.js'
import { EventStream } from './event-stream.js'
import type { AgentEvent } from './events.js'
import { type Created, type CreateOptions, createAddress, createInvitation } from './invitations.js'
import { accept, type JoinOptions, join } from './join.js'
import { createNetwork, type SendingPolicy, ServerTexts } from './network.js'
import { recipientOf } from './queues.js'
import { reject } from './requests.js'
import { type ResolvedLink, type ResolveOptions, resolve } from './resolve.js'
import { abortSwitch, type SwitchOptions, switchQueue } from './rotation-receive.js'
import { requireSending } from './sending.js'
import { deleteShortLink, type ShortLinkOptions, setShortLink } from './short-links.js'
import { connectionQueries, Step } from './step.js'
import { isSubscribable, Subscriptions } from './subscriptions.js'
import { type SynchronizeOptions, synchronize } from './synchronization.js'
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

export interface SendOptions {
  /** Whether the peer's device may be woken. Default: `true`. */
  readonly notification?: boolean
  readonly signal?: AbortSignal
}

const defaultRetry: RetryOptions = {
  fast: { first: 2000, growAfter: 10_000, max: 120_000 },
  slow: { first: 300_000, growAfter: 60_000, max: 6 * 3_600_000 },
  messageTimeout: 2 * 24 * 3_600_000,
  quotaTimeout: 7 * 24 * 3_600_000,
}

/**
 * Opens what the store holds: unfinished work goes on, and all queues are subscribed to.
 * @throws StoreError
 */
export async function openAgent(options: AgentOptions): Promise<SmpAgent> {
  const { store } = options
  const [lastEvent, lastCommand] = [await store.last('events'), await store.last('commands')]
  const agent = new SmpAgent(options, lastEvent, lastCommand)
  await agent.resume()
  return agent
}

export class SmpAgent implements AsyncDisposable {
  /** Settles when the agent has ended: `undefined` after `close`, else why. */
  readonly closed: Promise<Error | undefined>
  readonly #context: Context
  readonly #pool: SmpPool
  readonly #workers: Workers
  readonly #subscriptions: Subscriptions
  readonly #events: EventStream
  readonly #closing = new AbortController()
  readonly #isSubscribing: boolean
  #onClosed: (error: Error | undefined) => void = () => {}
  #ending: Promise<void> | undefined

  /** See `openAgent`. */
  constructor(options: AgentOptions, lastEvent: number, lastCommand: number) {
    const { store, clock = systemClock, random = Math.random, now = Date.now, connect } = options
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve
    })
    this.#isSubscribing = options.subscribe ?? true
    this.#pool = new SmpPool({ ...options.pool, clock, random, ...(connect ? { connect } : {}) })
    const texts = new ServerTexts()
    const { servers, presets = [], proxy = {} } = options
    const route = options.route?.(this.#pool)
    const network = createNetwork({ pool: this.#pool, texts, servers, presets, proxy, route, random, clock })
    const onError = (error: unknown) => void this.#fail(error)
    const closing = this.#closing.signal
    this.#workers = new Workers(clock, closing, onError)
    this.#subscriptions = new Subscriptions({
      context: () => this.#context,
      pool: this.#pool,
      texts,
      onError,
      onUp: () => this.#workers.wakeAll(),
    })
    this.#events = new EventStream({
      store,
      clock,
      lastStored: lastEvent,
      ack: (row, more) => acknowledgeEvent(this.#context, row, more),
      closing,
    })
    const source = { nextEventId: () => ++lastEvent, nextCommandNo: () => ++lastCommand, now }
    this.#context = {
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
        wakeDelivery(this.#context, this.#workers, { connId, queueNo, urgent }),
      wakeCommands: (connId) => wakeCommands(this.#context, this.#workers, commandHandlers, connId),
      redeliver: (row) => this.#events.addAgain(row),
      subscribe: (queues) => this.#subscriptions.add(queues),
      unsubscribe: (queues) => this.#subscriptions.remove(queues),
      acknowledge: async (queue, userId, brokerId) => {
        if (closing.aborted) return
        const server = network.recipient(queue.server, userId)
        await acknowledge(server, recipientOf(queue), brokerId, { signal: closing }).catch(() => {})
      },
    }
    void store.closed.then((error) => this.#end(error))
  }

  #step<Q extends Queries, R>(
    connId: Uint8Array,
    queries: Q,
    work: (step: Step, found: Found<Q>) => R,
    source: ConstructorParameters<typeof Step>[1],
  ): Promise<R> {
    const all = { ...queries, ...connectionQueries(connId) }
    return this.#write(
      connId,
      all,
      (found) => {
        const rows = found as Found<ReturnType<typeof connectionQueries>>
        const { connection } = rows
        if (!connection)
          throw new RequestError('NOT_FOUND', 'expected a connection of this agent, found none with that id')
        return [new Step({ ...rows, connection }, source), found as unknown as Found<Q>]
      },
      work,
    )
  }

  async #write<Q extends Queries, F, R>(
    connId: Uint8Array,
    queries: Q,
    begin: (found: Found<Q>) => [Step, F],
    work: (step: Step, found: F) => R,
  ): Promise<R> {
    const { step, result } = await this.#context.store.atomic(queries, (found) => {
      const [step, rows] = begin(found)
      const result = work(step, rows)
      return step.finish({ step, result })
    })
    this.#after(connId, step)
    return result
  }

  /** What is stored takes effect. */
  #after(connId: Uint8Array, { effects, connection: { userId } }: Step): void {
    if (effects.eventsRemoved) this.#events.forget(connId)
    for (const row of effects.events) this.#events.add(row)
    if (effects.unsubscribe.length > 0) {
      this.#context.unsubscribe(effects.unsubscribe.map((queue) => ({ queue, userId })))
    }
    if (effects.subscribe.length > 0 && this.#isSubscribing) {
      const queues = effects.subscribe.map((queue) => ({ queue, userId }))
      this.#context.subscribe(queues).catch((error: unknown) => this.#fail(error))
    }
    for (const queueNo of effects.deliveries) this.#context.wakeDelivery(connId, queueNo)
    for (const queueNo of effects.continued) this.#context.wakeDelivery(connId, queueNo, { urgent: true })
    if (effects.commands) this.#context.wakeCommands(connId)
  }

  /** Subscribes everything and continues what was under way. */
  async resume(): Promise<void> {
    const { store } = this.#context
    for await (const page of store.pages('commands')) {
      for (const { connId } of page) this.#context.wakeCommands(connId)
    }
    for await (const page of store.pages('deliveries')) {
      for (const { connId, queueNo } of page) this.#context.wakeDelivery(connId, queueNo)
    }
    startCleanup(this.#context, this.#workers)
    if (this.#isSubscribing) void this.#subscribeAll().catch((error: unknown) => this.#fail(error))
  }

  async #subscribeAll(): Promise<void> {
    const { store } = this.#context
    for await (const page of store.pages('receiveQueues', { size: 1000, signal: this.#closing.signal })) {
      const ids = [...new Map(page.map(({ connId }) => [String(connId), connId])).values()]
      const queries = Object.fromEntries(ids.map((connId, i) => [i, get('connections', { connId })]))
      const found = Object.values(await store.read(queries))
      const users = new Map(found.flatMap((row) => (row ? [[String(row.connId), row.userId] as const] : [])))
      const queues = page.flatMap((queue) => {
        const userId = users.get(String(queue.connId))
        return userId !== undefined && isSubscribable(queue) ? [{ queue, userId }] : []
      })
      // Servers that cannot be reached are tried again later; they do not hold up the others.
      this.#context.subscribe(queues).catch((error: unknown) => this.#fail(error))
      if (this.#closing.signal.aborted) return
    }
  }

  /**
   * What happens, each event until it is acknowledged: those of earlier processes first, in the order in which they were stored. All
   * readers share one stream.
   */
  events(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<AgentEvent> {
    this.#requireOpen()
    return this.#events.read(options.signal)
  }

  /** A one-time invitation: `confirmation` tells who has joined. */
  async createInvitation(options?: CreateOptions): Promise<Created> {
    this.#requireOpen()
    return createInvitation(this.#context, options)
  }

  /** A contact address: `request` tells who asks. */
  async createAddress(options?: CreateOptions): Promise<Created> {
    this.#requireOpen()
    return createAddress(this.#context, options)
  }

  /**
   * Joins the invitation, or asks at the contact address, of a link. It settles when that is stored; `connected` or `failed` tells
   * what came of it, after `info` (invitation) or `confirmation` (address). A short link is resolved first.
   * @throws RequestError `LARGE`; LinkError and, for a short link, all that `resolve` throws
   */
  async join(link: string | ConnectionRequest, options: JoinOptions): Promise<ConnectionId> {
    this.#requireOpen()
    return join(this.#context, link, options)
  }

  /**
   * What a link leads to. A short one is read from its server; if it is a one-time invitation, it is ours from then on, to be read again and to
   * be joined: nobody else can.
   * @throws LinkError, `GONE` where others were first; PeerError `A_LINK`, `A_CRYPTO`, `A_MESSAGE` if the server does not give what the link
   *   promises; SmpError of the network, which may be `temporary`
   */
  async resolve(link: string, options?: ResolveOptions): Promise<ResolvedLink> {
    this.#requireOpen()
    return resolve(this.#context, link, options)
  }

  /**
   * Gives a contact address a short link, or a short link other user data (at most 13,706 bytes); its text. It settles when the server has it.
   * Called again, it is the same link.
   * @throws RequestError `LARGE`, `NOT_FOUND`, `PROHIBITED` for an invitation that was made without a short link
   */
  async setShortLink(connection: ConnectionId, userData: Uint8Array, options?: ShortLinkOptions): Promise<string> {
    this.#requireOpen()
    return setShortLink(this.#context, idFromText(connection), userData, options)
  }

  /** The short link leads nowhere any more, for good; the full link stays. It settles when the server has forgotten it. */
  async deleteShortLink(connection: ConnectionId, options?: Pick<ShortLinkOptions, 'signal'>): Promise<void> {
    this.#requireOpen()
    return deleteShortLink(this.#context, idFromText(connection), options)
  }

  /** Lets the peer in that has joined our invitation, or answered our request. */
  async allow(connection: ConnectionId, info: Uint8Array): Promise<void> {
    this.#requireOpen()
    return allow(this.#context, idFromText(connection), info)
  }

  /** Accepts a request to a contact address; settles when that is stored. */
  async accept(requestId: string, options: JoinOptions): Promise<ConnectionId> {
    this.#requireOpen()
    return accept(this.#context, idFromText(requestId), options)
  }

  /** Drops a request. The requester is not told. */
  async reject(requestId: string): Promise<void> {
    this.#requireOpen()
    return reject(this.#context, idFromText(requestId))
  }

  /**
   * Stores a message to be sent after the earlier ones of its connection. `sent` or `notSent` tells what came of it. At most 15,795 bytes, 13,573
   * where the connection supports post-quantum encryption. Its number within the connection.
   * @throws RequestError `LARGE`, `PROHIBITED`, `SYNCHRONIZATION`, `NOT_FOUND`
   */
  async send(connection: ConnectionId, body: Uint8Array, { notification = true }: SendOptions = {}): Promise<number> {
    this.#requireOpen()
    return this.#context.step(idFromText(connection), {}, (step) => {
      requireSending(step)
      return step.send({ type: 'msg', body }, { notification, pq: step.pq ? true : null })
    })
  }

  /**
   * Starts to make new ratchets with the peer: after a `synchronization` event of state `allowed` or `required`, or when `send` refuses with
   * `SYNCHRONIZATION` because a backup was restored. It settles when that is stored; the state `ok` tells that it has succeeded.
   * @throws RequestError `PROHIBITED`, `NOT_FOUND`
   */
  async synchronize(connection: ConnectionId, options?: SynchronizeOptions): Promise<void> {
    this.#requireOpen()
    return synchronize(this.#context, idFromText(connection), options)
  }

  /**
   * Moves our queue of a connection to another server; `switch` events tell how far it has got. It settles when that is stored.
   * @throws AddressError, RequestError `PROHIBITED`, `SYNCHRONIZATION`, `NOT_FOUND`
   */
  async switchQueue(connection: ConnectionId, options?: SwitchOptions): Promise<void> {
    this.#requireOpen()
    return switchQueue(this.#context, idFromText(connection), options)
  }

  /** Stays with the present queue, as long as the peer has not agreed. @throws RequestError `PROHIBITED`, `NOT_FOUND` */
  async abortSwitch(connection: ConnectionId): Promise<void> {
    this.#requireOpen()
    return abortSwitch(this.#context, idFromText(connection))
  }

  /**
   * Deletes a connection or a contact address. It settles when that is stored; nothing more comes from it but `deleted`, when its queues have gone
   * from their servers. The peer is not told. @throws RequestError `NOT_FOUND`
   */
  async deleteConnection(connection: ConnectionId, options?: DeleteOptions): Promise<void> {
    this.#requireOpen()
    return deleteConnection(this.#context, idFromText(connection), options)
  }

  #requireOpen(): void {
    if (this.#closing.signal.aborted) throw new RequestError('CLOSED', 'the agent was closed')
  }

  #fail(error: unknown): Promise<void> {
    return this.#end(error instanceof Error ? error : new Error('unexpected error', { cause: error }))
  }

  #end(error: Error | undefined): Promise<void> {
    this.#ending ??= this.#shutDown(error)
    return this.#ending
  }

  async #shutDown(error: Error | undefined): Promise<void> {
    this.#closing.abort()
    await this.#pool.close()
    await this.#subscriptions.ended()
    await this.#workers.ended()
    this.#onClosed(error)
  }

  /** Ends all work and connections. What is not finished goes on when the store is opened again. */
  close(): Promise<void> {
    return this.#end(undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
