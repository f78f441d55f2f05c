// Spec 04 §10: one server of a pool: its connection, which comes back, and its subscriptions, which follow it.
import type { Command } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { BackOff } from './back-off.js'
import { sleep } from './clock.js'
import { aborted, type Outcome, SmpClientError, SmpError, unlessAborted } from './errors.js'
import { openSession } from './open-session.js'
import type { PoolContext, QueueSubscription } from './pool-context.js'
import type { Answer, AnswerTo, Request, Requester, RequestOptions } from './requests.js'
import type { SmpClientSession } from './session.js'
import type { SessionEvent } from './session-options.js'
import { subscribeAll } from './subscribe.js'
import {
  outcomeOf,
  type Subscription,
  type SubscriptionKind,
  type SubscriptionOutcome,
  SubscriptionTable,
  subscriptionKinds,
  type Waiter,
} from './subscriptions.js'

/** A session that lived as long was no failure, in milliseconds. */
const stableAfter = 10_000

export class PooledServer implements Requester {
  readonly tables: Record<SubscriptionKind, SubscriptionTable>
  readonly #context: PoolContext
  readonly #backOff: BackOff
  readonly #waiters = new Set<Waiter>()
  #session: SmpClientSession | undefined
  #connecting: Promise<SmpClientSession> | undefined
  #subscribing = false
  #forwarding: Promise<unknown> = Promise.resolve()
  /** When the next attempt to connect is due. */
  #notBefore = 0
  /** Something was added since the present round began. */
  #added = false
  /** Ends the wait before what failed is tried again in the same session. */
  #retryNow = new AbortController()
  #lost = 0
  #reason: SmpError | undefined
  readonly #closing = new AbortController()

  constructor(
    readonly address: ServerAddress,
    /** Servers of different users have connections of their own. */
    readonly userId: string,
    context: PoolContext,
  ) {
    this.#context = context
    this.#backOff = new BackOff(context.reconnect, context.random)
    const [messages, notifications] = subscriptionKinds.map(
      (definition) => new SubscriptionTable(this, definition, (subscription) => this.#onSubscription(subscription)),
    ) as [SubscriptionTable, SubscriptionTable]
    this.tables = { messages, notifications }
  }

  /** The current one, while there is one. */
  get session(): SmpClientSession | undefined {
    return this.#session
  }

  /** Why there is none. */
  get reason(): SmpError | undefined {
    return this.#reason
  }

  /** How many sessions ended otherwise than by us. */
  get lostSessions(): number {
    return this.#lost
  }

  /**
   * The current session, or the next one: one attempt to connect for all who ask, after the back-off that is due.
   * @throws SmpClientError `CONNECT`, `CLOSED`, `ABORTED`
   */
  connected({ signal }: Pick<RequestOptions, 'signal'> = {}): Promise<SmpClientSession> {
    if (signal?.aborted) return Promise.reject(aborted(signal))
    if (this.#session) return Promise.resolve(this.#session)
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return signal ? unlessAborted(this.#connecting, signal) : this.#connecting
  }

  /** As `SmpClientSession.request`, in the current session. A request is never repeated in another one. */
  async request<C extends Command>(request: Request<C>, options: RequestOptions = {}): Promise<Answer<C['tag']>> {
    return (await this.connected(options)).request(request, options)
  }

  /** As `SmpClientSession.requestAll`. @throws SmpClientError where there is no session */
  async requestAll<R extends Request>(
    requests: readonly R[],
    options: RequestOptions = {},
  ): Promise<Outcome<AnswerTo<R>>[]> {
    return (await this.connected(options)).requestAll(requests, options)
  }

  /**
   * Subscribes queues and keeps them subscribed. Settles when each has its first result, `pending` included: an attempt
   * failed for a reason that may pass. What is subscribed already is subscribed again.
   */
  async subscribe(kind: SubscriptionKind, queues: readonly QueueSubscription[]): Promise<SubscriptionOutcome[]> {
    if (this.#closing.signal.aborted) throw closedError()
    const table = this.tables[kind]
    const subscriptions = queues.map(({ id, key, serviceId = null }) => table.add(id, key, serviceId))
    const settled = new Promise<void>((resolve) => {
      const waiter: Waiter = { left: 0, done: resolve }
      for (const subscription of new Set(subscriptions)) {
        // Who asks again for the same has the same answer to wait for.
        if (subscription.waiter) this.#leave(subscription)
        subscription.waiter = waiter
        waiter.left++
      }
      if (waiter.left === 0) return resolve()
      this.#waiters.add(waiter)
    })
    this.#added = true
    this.#retryNow.abort()
    void this.#subscribePending()
    await settled
    return subscriptions.map(outcomeOf)
  }

  /** Forgets subscriptions. The server is not told: what it still sends for them comes as events. */
  unsubscribe(kind: SubscriptionKind, ids: Iterable<Uint8Array>): void {
    for (const id of ids) {
      const subscription = this.tables[kind].get(id)
      if (!subscription) continue
      this.tables[kind].remove(subscription)
      this.#leave(subscription)
      this.#context.onForgotten(subscription)
    }
  }

  #onSubscription(subscription: Subscription): void {
    this.#leave(subscription)
    this.#context.onSubscription(subscription)
  }

  #leave(subscription: Subscription): void {
    const { waiter } = subscription
    subscription.waiter = undefined
    if (!waiter || --waiter.left > 0) return
    this.#waiters.delete(waiter)
    waiter.done()
  }

  async #connect(): Promise<SmpClientSession> {
    const { clock } = this.#context
    await sleep(clock, this.#notBefore - clock.now(), this.#closing.signal)
    const done = await this.#context.connectTurn()
    try {
      if (this.#closing.signal.aborted) throw closedError()
      const session = await this.#open()
      if (this.#closing.signal.aborted) {
        void session.close()
        throw closedError()
      }
      this.#up(session)
      return session
    } catch (cause) {
      const error = cause instanceof SmpError ? cause : new SmpClientError('CONNECT', 'cannot connect', { cause })
      this.#notBefore = clock.now() + this.#backOff.next()
      this.#down(error)
      throw error
    } finally {
      done()
    }
  }

  async #open(): Promise<SmpClientSession> {
    const { connect, clock, connectTimeout, session, service } = this.#context
    const controller = new AbortController()
    const onClose = () => controller.abort(closedError())
    this.#closing.signal.addEventListener('abort', onClose)
    const cancel = clock.schedule(() => controller.abort(), connectTimeout)
    const options = { ...session, clock, service: service(this), signal: controller.signal }
    try {
      return await openSession(this.address, connect ? { ...options, connect } : options)
    } catch (error) {
      if (this.#closing.signal.aborted) throw closedError()
      if (!controller.signal.aborted) throw error
      const message = `cannot connect: it took longer than ${connectTimeout} ms`
      throw new SmpClientError('CONNECT', message, { temporary: true })
    } finally {
      cancel()
      this.#closing.signal.removeEventListener('abort', onClose)
    }
  }

  #up(session: SmpClientSession): void {
    const since = this.#context.clock.now()
    this.#session = session
    this.#reason = undefined
    this.#context.onStatus(this)
    this.#forwarding = Promise.all([this.#forwarding, this.#forward(session)])
    void session.closed.then((error) => {
      if (this.#context.clock.now() - since >= stableAfter) this.#backOff.succeeded()
      this.#notBefore = this.#context.clock.now() + this.#backOff.next()
      this.#session = undefined
      if (error) this.#lost++
      this.#down(error ?? closedError())
    })
  }

  #down(error: SmpError): void {
    this.#reason = error
    for (const table of Object.values(this.tables)) {
      if (neverReachable(error)) table.dropAll(error)
      else table.disconnected(error)
    }
    this.#context.onStatus(this)
    void this.#subscribePending()
  }

  /** What a session that ended has still in its buffer is passed on, too: the server will not send it again. */
  async #forward(session: SmpClientSession): Promise<void> {
    for await (const event of session.events) {
      const isCurrent = this.#session === session
      if (isCurrent) this.#note(event)
      // Who took a subscription from a session that is gone took nothing.
      if (isCurrent || !endTags.has(event.message.tag)) await this.#context.onEvent(this, session, event)
    }
  }

  #note({ entityId, message: { tag } }: SessionEvent): void {
    for (const table of Object.values(this.tables)) {
      const subscription = table.get(entityId)
      if (tag === 'END' && subscription) table.dropped(subscription, 'ended', endedError())
      else if (tag === 'DELD' && subscription) table.dropped(subscription, 'deleted', deletedError())
      else if (tag === 'ENDS' && this.#session?.session.service?.role === table.definition.role) {
        table.serviceEnded(endedError())
      }
    }
  }

  /** One at a time, as long as something is to be subscribed. */
  async #subscribePending(): Promise<void> {
    if (this.#subscribing) return
    this.#subscribing = true
    const retry = new BackOff(this.#context.reconnect, this.#context.random)
    const hasWork = () => !this.#closing.signal.aborted && Object.values(this.tables).some((table) => table.hasWork)
    try {
      while (hasWork()) {
        const session = await this.connected().catch(() => undefined)
        if (!session) continue
        const isCurrent = () => this.#session === session
        this.#added = false
        for (const table of Object.values(this.tables)) await subscribeAll(session, table, isCurrent)
        if (isCurrent() && hasWork() && !this.#added) await this.#retryPause(retry.next())
      }
    } finally {
      this.#subscribing = false
    }
  }

  async #retryPause(milliseconds: number): Promise<void> {
    this.#retryNow = new AbortController()
    await sleep(this.#context.clock, milliseconds, this.#retryNow.signal)
  }

  /** Ends the session and forgets all subscriptions. Events that were read go to the pool's stream before it settles. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#retryNow.abort()
    for (const waiter of this.#waiters) waiter.done()
    this.#waiters.clear()
    await this.#session?.close()
    await this.#connecting?.catch(() => {})
    await this.#forwarding
    this.#context.onClosed(this)
  }
}

const endTags: ReadonlySet<string> = new Set(['END', 'ENDS'])

const endedError = () => new SmpClientError('ENDED', 'another connection took the subscription')
const deletedError = () => new SmpClientError('DELETED', 'the queue or its notifier was deleted')
const closedError = () => new SmpClientError('CLOSED', 'the pool was closed')

/** An address to which there will never be a connection: a transport refuses it before it tries. */
function neverReachable({ cause }: SmpError): boolean {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  return code === 'REFUSED_ADDRESS' || code === 'HOST' || code === 'ADDRESS'
}
