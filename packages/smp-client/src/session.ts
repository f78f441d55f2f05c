// Spec 04 §2.3, §10: one session with a server.

import { onAbort, systemClock } from '@smpkit/encoding/internal'
import {
  type BlockConnection,
  type ClientSession,
  type Command,
  ParseError,
  parseBlock,
  type ReceivedMessage,
  receiveMessage,
} from '@smpkit/smp-commands'
import { aborted, type Outcome, SmpClientError, type SmpError } from './errors.js'
import { EventRouter } from './events.js'
import { KeepAlive } from './keep-alive.js'
import { QueueMessages, type ReceivingQueue } from './queue-messages.js'
import { RequestQueue } from './request-queue.js'
import type { Answer, AnswerTo, Request, Requester, RequestOptions } from './requests.js'
import type { EventMessage, SessionEvent, SessionOptions, UnexpectedMessage } from './session-options.js'

const eventTags: ReadonlySet<string> = new Set(['MSG', 'NMSG', 'END', 'DELD', 'ENDS', 'ALLS', 'ERR'])
/** How far beyond the buffer reading goes on for those who wait for answers. */
const overflowFactor = 16
/** For each event of the buffer: many more messages of 16 KB than two chunks of subscriptions bring. */
const overflowBytes = 65_536

/** A session over a connection whose handshake is done. It owns the connection. */
export class SmpClientSession implements Requester, AsyncDisposable {
  /** `undefined` after our `close`, the reason otherwise. Never rejects. */
  readonly closed: Promise<SmpClientError | undefined>
  readonly #connection: BlockConnection<ClientSession>
  readonly #requestTimeout: number
  readonly #requests: RequestQueue
  readonly #events: EventRouter<SessionEvent>
  readonly #eventBuffer: number
  readonly #keepAlive: KeepAlive
  readonly #onUnexpected: (what: UnexpectedMessage) => void
  #settleClosed: (error: SmpClientError | undefined) => void = () => {}
  #resume = () => {}
  #connected = true
  #state: 'open' | 'ended' = 'open'

  constructor(connection: BlockConnection<ClientSession>, options: SessionOptions = {}) {
    const { clock = systemClock, pingInterval = 600_000 } = options
    this.#connection = connection
    this.#requestTimeout = options.requestTimeout ?? 30_000
    this.#eventBuffer = options.eventBuffer ?? 1024
    this.#onUnexpected = options.onUnexpected ?? (() => {})
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve
    })
    this.#events = new EventRouter(() => {
      if (this.#events.size > this.#eventBuffer / 2) return
      this.#resume()
      this.#requests.wake()
    })
    this.#keepAlive = new KeepAlive({
      clock,
      pingInterval,
      ping: () => this.request({ command: { tag: 'PING' } }),
      onDead: () => this.#end(new SmpClientError('TIMEOUT', 'the server has not answered for too long')),
    })
    this.#requests = new RequestQueue({
      session: connection.session,
      clock,
      maxInFlight: options.maxInFlight ?? 1350,
      send: (content) => {
        // What is answered now must be read, too.
        this.#resume()
        return connection.send(content)
      },
      crowded: () => this.#events.size >= this.#eventBuffer,
      onSendError: (cause) => this.#end(connectionEnded(cause)),
      onTimeouts: (count) => this.#keepAlive.timedOut(count),
    })
    // A reader that waits for room must notice the end.
    void connection.closed.then(() => {
      this.#connected = false
      this.#resume()
    })
    void this.#read()
  }

  /** Version, session id, service and keys that the handshake agreed on. */
  get session(): ClientSession {
    return this.#connection.session
  }

  /**
   * All events but those of queues that `messages` iterates. Each event goes to one taker; without one they fill the buffer, see
   * `eventBuffer`. Ends with the session.
   */
  get events(): AsyncIterableIterator<SessionEvent, undefined> {
    return this.#events.rest
  }

  /**
   * Sends one command and waits for its answer. Commands that are given one after another are sent in that order.
   * @throws SmpReplyError if the server answers `ERR`; SmpClientError otherwise
   */
  request<C extends Command>(request: Request<C>, options: RequestOptions = {}): Promise<Answer<C['tag']>> {
    return new Promise((resolve, reject) => {
      this.#start([request], true, options, {
        onOutcome: (_, { message, error }) => (error ? reject(error) : resolve(message as Answer<C['tag']>)),
        onDone: () => {},
      })
    })
  }

  /**
   * Sends many commands in as few blocks as possible, at most 1350 before the first of them are answered. One outcome for
   * each, in the order of the requests; that one fails or is slow does not matter to the others. Do not put commands that
   * depend on each other in one list: servers execute those of one block from the last to the first.
   */
  async requestAll<R extends Request>(
    requests: readonly R[],
    options: RequestOptions = {},
  ): Promise<Outcome<AnswerTo<R>>[]> {
    const outcomes = new Map<Request, Outcome<AnswerTo<R>>>()
    // Each needs an identity of its own, and the same object may be in the list twice.
    const own = requests.map((request) => ({ ...request }))
    await this.requestEach(own, (request, outcome) => outcomes.set(request, outcome), options)
    return own.map((request) => outcomes.get(request) as Outcome<AnswerTo<R>>)
  }

  /**
   * The same for any number of commands, which are taken one by one as they are written; the outcomes come in the order of the
   * answers. Rejects with what `requests` or `onOutcome` throws, when all have their outcome.
   */
  requestEach<R extends Request>(
    requests: Iterable<R>,
    onOutcome: (request: R, outcome: Outcome<AnswerTo<R>>) => void,
    options: RequestOptions = {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#start(requests, false, options, {
        onOutcome: (request, outcome) => onOutcome(request as R, outcome as Outcome<AnswerTo<R>>),
        onDone: (failure) => (failure === undefined ? resolve() : reject(failure)),
      })
    })
  }

  #start(
    requests: Iterable<Request>,
    single: boolean,
    { signal, timeout = this.#requestTimeout }: RequestOptions,
    sink: { onOutcome(request: Request, outcome: Outcome<Answer>): void; onDone(failure?: unknown): void },
  ): void {
    if (signal?.aborted) {
      for (const request of requests) sink.onOutcome(request, { error: aborted(signal) })
      sink.onDone()
      return
    }
    let giveUp: (error: SmpError) => void = () => {}
    const iterator = requests[Symbol.iterator]()
    const cancel = onAbort(signal, () => giveUp(aborted(signal as AbortSignal)))
    const onDone = (failure?: unknown) => {
      cancel()
      sink.onDone(failure)
    }
    giveUp = this.#requests.add({ requests: iterator, single, timeout, onOutcome: sink.onOutcome, onDone })
    this.#resume()
  }

  /**
   * The messages of a queue that this session is subscribed to, those that wait already included. They no longer come
   * through `events`, until it ends: with the session, with `signal` or `return`. Leave it with one of them.
   * @throws SmpClientError `ENDED`, `DELETED`; SmpReplyError: the server cannot read the queue
   */
  messages(queue: ReceivingQueue, { signal }: Pick<RequestOptions, 'signal'> = {}): QueueMessages {
    return new QueueMessages(this, this.#events.open(queue.recipientId), queue, signal)
  }

  async #read(): Promise<void> {
    try {
      for await (const content of this.#connection) {
        this.#keepAlive.received()
        this.#receiveBlock(content)
        await this.#roomForEvents()
        if (this.#state === 'ended') break
      }
      this.#end(connectionEnded(await this.#connection.closed))
    } catch (cause) {
      this.#end(connectionEnded(cause))
    }
  }

  /** Those who wait for an answer must get it even when nobody takes the events. */
  async #roomForEvents(): Promise<void> {
    const waits = () => this.#connected && this.#state === 'open' && this.#requests.idle
    while (this.#events.size >= this.#eventBuffer && waits()) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve
      })
    }
  }

  #receiveBlock(content: Uint8Array): void {
    try {
      // Copies: what is kept of a message must not keep its whole block.
      for (const bytes of parseBlock(content)) this.#receive(receiveMessage(this.session, new Uint8Array(bytes)))
    } catch (cause) {
      if (!(cause instanceof ParseError)) throw cause
      const message = 'expected a block of messages, got one that cannot be read'
      this.#end(new SmpClientError('BLOCK', message, { cause }))
    }
  }

  #receive(received: ReceivedMessage): void {
    const { entityId, message } = received
    const match = received.corrId.length > 0 ? this.#requests.match(received) : undefined
    if (match) {
      const { command } = match.request
      let { outcome } = match
      // The next message, or that of a server which does not know events (04 §4.3).
      if (outcome.message?.tag === 'MSG' && command.tag !== 'GET') {
        this.#onEvent({ entityId, message: outcome.message })
        outcome = { message: { tag: 'OK' } }
      }
      if (outcome.message && isSubscribing(command)) this.#keepAlive.start()
      match.settle(outcome)
    } else if (!message) {
      this.#onUnexpected({ kind: 'unreadable', tag: undefined })
    } else if (received.corrId.length > 0) {
      // The server waits until this message is acknowledged, whatever became of the request.
      if (message.tag === 'MSG') this.#onEvent({ entityId, message })
      else this.#onUnexpected({ kind: 'late', tag: message.tag })
    } else if (eventTags.has(message.tag)) {
      this.#onEvent({ entityId, message: message as EventMessage })
    } else {
      this.#onUnexpected({ kind: 'unsolicited', tag: message.tag })
    }
  }

  #onEvent(event: SessionEvent): void {
    if (this.#state === 'ended') return
    const [limit, byteLimit] = [this.#eventBuffer * overflowFactor, this.#eventBuffer * overflowBytes]
    if (this.#events.size < limit && this.#events.bytes < byteLimit) this.#events.push(event)
    else {
      const message = `expected at most ${limit} events or ${byteLimit} bytes of them to wait to be taken`
      this.#end(new SmpClientError('OVERFLOW', message))
    }
  }

  #end(error: SmpClientError | undefined): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#keepAlive.stop()
    this.#requests.end(error ?? new SmpClientError('CLOSED', 'the session was closed'))
    this.#events.end()
    this.#resume()
    this.#settleClosed(error)
    void this.#connection.close()
  }

  /** Ends the session: what waits for an answer fails with `CLOSED`. What was sent before is written. */
  async close(): Promise<void> {
    this.#end(undefined)
    await this.#connection.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function isSubscribing(command: Command): boolean {
  const { tag } = command
  if (tag === 'NEW') return command.subMode === 'subscribe'
  return tag === 'SUB' || tag === 'NSUB' || tag === 'SUBS' || tag === 'NSUBS'
}

function connectionEnded(cause: unknown): SmpClientError {
  const why = cause instanceof Error ? cause.message : 'the server ended it'
  return new SmpClientError('CLOSED', `the connection ended: ${why}`, { cause })
}
