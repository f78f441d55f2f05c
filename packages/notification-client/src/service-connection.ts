// Spec 30 §3, §5, 13 §13.4: the agent connection to the notification server's contact address, and requests over it.
import { randomBytes } from '@smpkit/crypto'
import { equalBytes, toBase64urlUnpadded } from '@smpkit/encoding'
import {
  type Clock,
  createClient,
  maxServiceMessagePq,
  newId,
  type ServiceClient,
  ServiceStatusError,
} from '@smpkit/service-protocol'
import { type NotificationService, notificationService } from '@smpkit/service-protocol/notification'
import { type AgentEvent, type ConnectionId, RequestError, type SmpAgent } from '@smpkit/smp-agent'
import { mayPass, NotificationClientError } from './errors.js'
import { backOff, pause } from './pause.js'
import type { Records, ServiceRecord } from './state.js'

export interface ServiceConnectionOptions {
  readonly agent: SmpAgent
  readonly records: Records
  readonly clock: Clock
  readonly random: () => number
  readonly now: () => number
  /** Of one request, in milliseconds. */
  readonly timeout: number
  /** Something has changed that the client's work depends on. */
  readonly onChange: () => void
  /** A request has to be repeated. */
  readonly onTrouble: (error: unknown) => void
}

type Ask = ServiceClient<NotificationService>['request']
/** What each attempt of a request is to be given. */
export interface Attempt {
  readonly id: string
  readonly signal: AbortSignal
}

/** Chat messages that say nothing: the server has no need to know more of us. */
const info = new TextEncoder().encode('{"v":"1","event":"x.ok","params":{}}')
/** A request that was not accepted for so long is made anew, in milliseconds. */
const acceptTimeout = 24 * 3_600_000

export class ServiceConnection {
  readonly #options: ServiceConnectionOptions
  #record: ServiceRecord | undefined
  #left: readonly string[] = []
  #joining: Promise<unknown> = Promise.resolve()
  /** Ends requests over the present connection. */
  #ending = new AbortController()
  #client: ServiceClient<NotificationService>
  #lastSent: { readonly bytes: Uint8Array; readonly number: number } | undefined

  private constructor(options: ServiceConnectionOptions) {
    this.#options = options
    this.#client = this.#newClient()
  }

  /** What an earlier process has left. */
  static async restore(options: ServiceConnectionOptions): Promise<ServiceConnection> {
    const one = new ServiceConnection(options)
    const { records, agent } = options
    const record = await records.service.get()
    one.#record = record
    one.#left = (await records.left.get()) ?? []
    if (record?.connection === null) {
      for await (const { connection, userId } of agent.connections()) {
        if (userId === record.userId) await one.#put({ ...record, connection })
      }
    }
    return one
  }

  get record(): ServiceRecord | undefined {
    return this.#record
  }

  get isLeaving(): boolean {
    return this.#record?.isLeaving === true
  }

  /** Aborts when the present connection is lost or left. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  has(connection: ConnectionId): boolean {
    return this.#record?.connection === connection || this.#left.includes(connection)
  }

  /** Whether requests can be made; joins the address where that was not done. @throws what `SmpAgent.resolve` and `join` do */
  async ensure(address: string, signal: AbortSignal): Promise<boolean> {
    const { agent, now } = this.#options
    if (this.#ending.signal.aborted) {
      this.#ending = new AbortController()
      this.#client = this.#newClient()
    }
    const record = this.#record ?? {
      address,
      userId: `notifications ${toBase64urlUnpadded(randomBytes(12))}`,
      connection: null,
      joinedAt: now(),
      isLeaving: false,
    }
    if (!this.#record) await this.#put(record)
    if (record.connection === null) {
      const { request } = await agent.resolve(address, { signal })
      const joining = agent.join(request, { info, userId: record.userId }).then((connection) => {
        return this.#put({ ...record, connection, joinedAt: now() })
      })
      this.#joining = joining.catch(() => {})
      await joining
      return false
    }
    const canSend = await agent.connection(record.connection).then(
      (found) => !found.isBeingDeleted && found.canSend,
      (error: unknown) => {
        if (!isRefusal(error)) throw error
        return undefined
      },
    )
    if (canSend === undefined || (!canSend && now() - record.joinedAt > acceptTimeout)) {
      await this.lose()
      return false
    }
    return canSend
  }

  /** Whether the event is ours: then it has been dealt with, and is acknowledged. @throws what the agent and the state do */
  async handle(event: AgentEvent): Promise<boolean> {
    // The first event may be faster than what tells us the connection's id.
    await this.#joining
    if (!this.has(event.connection)) return false
    const isPresent = this.#record?.connection === event.connection
    if (event.type === 'deleted' && !isPresent) {
      await this.#putLeft(this.#left.filter((connection) => connection !== event.connection))
    } else if (isPresent) {
      await this.#handlePresent(event)
    }
    await event.ack()
    return true
  }

  async #handlePresent(event: AgentEvent): Promise<void> {
    const { agent, onChange } = this.#options
    const { connection } = event
    switch (event.type) {
      case 'confirmation':
        return void (await agent.allow(connection, info).catch(unlessRefused))
      case 'message':
        this.#client.receive(event.body)
        return
      case 'connected':
        return onChange()
      case 'synchronization':
        if (event.state === 'ok') onChange()
        if (event.state !== 'allowed' && event.state !== 'required') return
        return void (await agent.synchronize(connection).catch(unlessRefused))
      case 'notSent':
        // Its queue is gone: the server has let us go, or has lost what it knew.
        return event.code === 'AUTH' ? this.lose() : undefined
      case 'failed':
      case 'deleted':
        return this.lose()
    }
  }

  /** The connection is of no use any more: `leave` and `forget` are to follow. */
  async lose(): Promise<void> {
    if (this.#record) await this.#put({ ...this.#record, isLeaving: true })
    this.#endRequests()
    this.#options.onChange()
  }

  /** Deletes the connection, after `last`, which the server gets if it still can. May be repeated. */
  async leave(last: Uint8Array | null): Promise<void> {
    const { agent } = this.#options
    const connection = this.#record?.connection
    if (!connection) return
    await this.#putLeft([...new Set([...this.#left, connection])])
    if (last) await agent.send(connection, last, { notification: false }).catch(unlessRefused)
    await agent.deleteConnection(connection, { waitForDelivery: true }).catch(async (error: unknown) => {
      unlessRefused(error)
      // It was deleted before: no event tells of it any more.
      await this.#putLeft(this.#left.filter((one) => one !== connection))
    })
  }

  /** The next `ensure` joins anew. */
  async forget(): Promise<void> {
    await this.#options.records.service.remove()
    this.#record = undefined
  }

  /**
   * Makes a request until it is answered for good: with the same id each time, so that it has its effect once. `attempt` gets what to ask with.
   * @throws ServiceStatusError, ServiceClientError that would be the same again; `ABORTED` when the connection is lost or `signal` aborts
   */
  async ask<T>(signal: AbortSignal, attempt: (ask: Ask, options: Attempt) => Promise<T>): Promise<T> {
    const { clock, random, onTrouble } = this.#options
    const id = newId()
    const client = this.#client
    const lost = this.#ending.signal
    const ending = new AbortController()
    const end = () => ending.abort()
    for (const one of [signal, lost]) one.addEventListener('abort', end)
    if (signal.aborted || lost.aborted) end()
    try {
      for (let attempts = 0; ; attempts++) {
        try {
          return await attempt(client.request, { id, signal: ending.signal })
        } catch (error) {
          if (!mayPass(error) || ending.signal.aborted) throw error
          onTrouble(error)
          await pause(clock, Math.max(retryAfter(error), backOff(attempts, random)), ending.signal)
        }
      }
    } finally {
      for (const one of [signal, lost]) one.removeEventListener('abort', end)
    }
  }

  /** Ends what waits for answers. */
  close(): void {
    this.#endRequests()
  }

  #endRequests(): void {
    this.#ending.abort(new NotificationClientError('CONNECTION', 'the connection to the notification server has ended'))
    this.#client.close()
  }

  #newClient(): ServiceClient<NotificationService> {
    const { clock, timeout } = this.#options
    const options = { timeout, clock, maxLength: maxServiceMessagePq }
    return createClient(notificationService, { send: (bytes) => this.#send(bytes) }, options)
  }

  /** A repeated request is not sent again as long as the agent has not delivered it: it would pile up while a server is away. */
  async #send(bytes: Uint8Array): Promise<void> {
    const { agent } = this.#options
    const connection = this.#record?.connection
    if (!connection) throw new NotificationClientError('CONNECTION', 'expected a connection, there is none')
    const last = this.#lastSent
    if (last && equalBytes(last.bytes, bytes)) {
      const status = await agent.messageStatus(connection, last.number).catch(() => undefined)
      if (status === 'queued') return
    }
    this.#lastSent = { bytes, number: await agent.send(connection, bytes, { notification: false }) }
  }

  async #putLeft(left: readonly string[]): Promise<void> {
    await this.#options.records.left.put(left)
    this.#left = left
  }

  async #put(record: ServiceRecord): Promise<void> {
    await this.#options.records.service.put(record)
    this.#record = record
  }
}

/** In milliseconds, as the server wishes. */
function retryAfter(error: unknown): number {
  const seconds = error instanceof ServiceStatusError ? error.data.retryAfter : 0
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : 0
}

const isRefusal = (error: unknown): boolean =>
  error instanceof RequestError && (error.code === 'NOT_FOUND' || error.code === 'PROHIBITED')

function unlessRefused(error: unknown): void {
  if (!isRefusal(error) && !(error instanceof RequestError && error.code === 'SYNCHRONIZATION')) throw error
}
