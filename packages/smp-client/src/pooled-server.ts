// Spec 04 §10: one server of a pool: its connection, which comes back, and its subscriptions, which follow it.

import { BackOff, sleep, within } from '@smpkit/encoding/internal'
import type { Command } from '@smpkit/smp-commands'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { aborted, type Outcome, SmpClientError, SmpError, unlessAborted } from './errors.js'
import { Mailboxes } from './mailboxes.js'
import { isEnd, noteEnd } from './note-end.js'
import { closedError, connectInTime, neverReachable, notTakenError, refusedInHandshake } from './pool-connect.js'
import type { PoolContext, QueueSubscription } from './pool-context.js'
import { QueueMessages, type ReceivingQueue } from './queue-messages.js'
import type { Answer, AnswerTo, Request, Requester, RequestOptions } from './requests.js'
import type { SmpClientSession } from './session.js'
import { subscribeAll } from './subscribe.js'
import {
  outcomeOf,
  type Subscription,
  type SubscriptionKind,
  type SubscriptionOutcome,
  SubscriptionTable,
  subscriptionKinds,
} from './subscriptions.js'
import { Waiters } from './waiters.js'

/** A session that lived as long was no failure, in milliseconds. */
const stableAfter = 10_000
/** After which a service that was refused is presented again, in milliseconds. */
const serviceRetry = 3_600_000
/** Sessions whose events have not been taken, after which there is no other: else a server could fill the memory with them. */
const maxForwarding = 3

export class PooledServer implements Requester {
  readonly tables: Record<SubscriptionKind, SubscriptionTable>
  readonly #context: PoolContext
  readonly #backOff: BackOff
  readonly #waiters = new Waiters()
  readonly #mailboxes = new Mailboxes()
  #session: SmpClientSession | undefined
  #connecting: Promise<SmpClientSession> | undefined
  #subscribing = false
  readonly #forwarding = new Set<Promise<void>>()
  /** The last attempt to connect came to nothing. */
  #failing = false
  /** When the next attempt to connect is due. */
  #notBefore = 0
  /** Something was added since the present round began. */
  #added = false
  /** Ends the wait before what failed is tried again in the same session. */
  #retryNow = new AbortController()
  #lost = 0
  #wasUp = false
  /** When a service may be presented again. */
  #serviceFrom = 0
  #reason: SmpError | undefined
  readonly #closing = new AbortController()

  constructor(
    /** Where it is connected to next. Only the pool changes it. */
    public address: ServerAddress,
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

  /** It takes no more requests. */
  get closing(): boolean {
    return this.#closing.signal.aborted
  }

  /** Whether the next session may be that of a service. */
  get presentsService(): boolean {
    return this.#context.clock.now() >= this.#serviceFrom
  }

  /** How many sessions ended otherwise than by us, or for what the server answered to our service. */
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

  /**
   * As `SmpClientSession.request`, in the current session. A request is never repeated in another one. A `timeout` that is
   * given counts from the call; otherwise the time to connect comes on top.
   */
  async request<C extends Command>(request: Request<C>, options: RequestOptions = {}): Promise<Answer<C['tag']>> {
    const { session, left } = await this.#connectedInTime(options)
    return session.request(request, left)
  }

  /** As `SmpClientSession.requestAll`. @throws SmpClientError where there is no session */
  async requestAll<R extends Request>(
    requests: readonly R[],
    options: RequestOptions = {},
  ): Promise<Outcome<AnswerTo<R>>[]> {
    const { session, left } = await this.#connectedInTime(options)
    return session.requestAll(requests, left)
  }

  async #connectedInTime(options: RequestOptions): Promise<{ session: SmpClientSession; left: RequestOptions }> {
    const { timeout } = options
    if (this.#session || timeout === undefined) return { session: await this.connected(options), left: options }
    const { clock } = this.#context
    const since = clock.now()
    const late = () => new SmpClientError('TIMEOUT', `expected a connection within ${timeout} ms`)
    const session = await within(clock, timeout, this.connected(options), late)
    return { session, left: { ...options, timeout: timeout - (clock.now() - since) } }
  }

  /**
   * Subscribes queues and keeps them subscribed. Settles when each has its first result, `pending` included: an attempt
   * failed for a reason that may pass. What is subscribed already is subscribed again.
   */
  async subscribe(kind: SubscriptionKind, queues: readonly QueueSubscription[]): Promise<SubscriptionOutcome[]> {
    if (this.closing) throw closedError()
    const table = this.tables[kind]
    const subscriptions = queues.map(({ id, key, serviceId = null }) => {
      const former = table.get(id)
      const subscription = table.add(id, key, serviceId)
      if (former && former !== subscription) this.#context.onForgotten(former)
      return subscription
    })
    // One that was given again with another key is no more.
    const settled = this.#waiters.wait(subscriptions.filter((subscription) => table.has(subscription)))
    this.#subscribeNow()
    await settled
    return subscriptions.map(outcomeOf)
  }

  /** Forgets subscriptions. The server is not told: what it still sends for them comes as events. */
  unsubscribe(kind: SubscriptionKind, ids: Iterable<Uint8Array>): void {
    for (const id of ids) {
      const subscription = this.tables[kind].get(id)
      if (!subscription) continue
      this.tables[kind].remove(subscription)
      this.#waiters.settle(subscription)
      this.#context.onForgotten(subscription)
    }
  }

  /**
   * Subscribes a queue and gives its messages, which no longer come through the pool's `events`, until `signal` or `return`, which
   * unsubscribe it, or `close`. It survives lost connections: a message whose `ack` was lost comes again, with the same id.
   * @throws SmpError why the queue is not subscribed any more: `SubscriptionOutcome.error`
   */
  messages(queue: ReceivingQueue, { signal }: Pick<RequestOptions, 'signal'> = {}): QueueMessages {
    const { recipientId, recipientKey } = queue
    const mailbox = this.#mailboxes.open(this, recipientId, () => this.unsubscribe('messages', [recipientId]))
    const messages = new QueueMessages(mailbox, mailbox, queue, signal)
    if (signal?.aborted) return messages
    // What becomes of it comes to the mailbox, too.
    this.subscribe('messages', [{ id: recipientId, key: recipientKey }]).catch(() => mailbox.end())
    return messages
  }

  #onSubscription(subscription: Subscription): void {
    this.#waiters.settle(subscription)
    this.#mailboxes.onSubscription(subscription)
    this.#context.onSubscription(subscription)
  }

  async #connect(): Promise<SmpClientSession> {
    const { clock } = this.#context
    await sleep(clock, this.#notBefore - clock.now(), this.#closing.signal)
    const done = await this.#context.connectTurn(this.#failing, this.#closing.signal)
    try {
      if (this.closing) throw closedError()
      if (this.#forwarding.size >= maxForwarding) throw notTakenError()
      const session = await connectInTime(this, this.#context, this.#closing.signal)
      if (this.closing) {
        void session.close()
        throw closedError()
      }
      this.#failing = false
      this.#up(session)
      return session
    } catch (cause) {
      this.#failing = true
      if (refusedInHandshake(cause)) this.#serviceFrom = clock.now() + serviceRetry
      const error = cause instanceof SmpError ? cause : new SmpClientError('CONNECT', 'cannot connect', { cause })
      this.#notBefore = clock.now() + this.#backOff.next()
      this.#down(error)
      throw error
    } finally {
      done()
    }
  }

  #up(session: SmpClientSession): void {
    const since = this.#context.clock.now()
    this.#session = session
    this.#wasUp = true
    this.#reason = undefined
    this.#context.onStatus(this)
    const forwarding = this.#forward(session).finally(() => this.#forwarding.delete(forwarding))
    this.#forwarding.add(forwarding)
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
      // What was reached before may be so again.
      if (neverReachable(error) && !this.#wasUp) table.dropAll(error)
      else table.disconnected(error)
    }
    this.#context.onStatus(this)
    this.#retryNow.abort()
    void this.#subscribePending()
  }

  /** The server answered `SERVICE` to a command of the service: its queues are subscribed in a session without it. */
  refusedService(session: SmpClientSession): void {
    if (this.#session !== session || !this.presentsService) return
    this.#serviceFrom = this.#context.clock.now() + serviceRetry
    // What the server has sent is not read any more.
    this.#lost++
    void session.close()
  }

  /** What a session that ended has still in its buffer is passed on, too: the server will not send it again. */
  async #forward(session: SmpClientSession): Promise<void> {
    for await (const event of session.events) {
      const isCurrent = this.#session === session
      if (isCurrent) noteEnd(this.tables, event, this.#context.serviceEnd)
      if (isCurrent && event.message.tag === 'ENDS') this.#subscribeNow()
      if (this.#mailboxes.takes(event, isCurrent)) continue
      // Who took a subscription from a session that is gone took nothing.
      if (isCurrent || !isEnd(event)) await this.#context.onEvent(this, session, event)
    }
  }

  #subscribeNow(): void {
    this.#added = true
    this.#retryNow.abort()
    void this.#subscribePending()
  }

  /** One at a time, as long as something is to be subscribed. */
  async #subscribePending(): Promise<void> {
    if (this.#subscribing) return
    this.#subscribing = true
    const retry = new BackOff(this.#context.reconnect, this.#context.random)
    const hasWork = () => !this.closing && Object.values(this.tables).some((table) => table.hasWork)
    try {
      while (hasWork()) {
        const session = await this.connected().catch(() => undefined)
        if (!session) continue
        const isCurrent = () => this.#session === session
        this.#added = false
        await Promise.all(Object.values(this.tables).map((table) => subscribeAll(session, table, isCurrent)))
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
    this.#waiters.end()
    this.#context.onClosing(this)
    await this.#session?.close()
    await this.#connecting?.catch(() => {})
    await Promise.all(this.#forwarding)
    this.#mailboxes.end()
    this.#context.onClosed(this)
  }
}
