// Spec 20, 23 §6, §9: one server and its connection, which comes back.

import { BackOff, type BackOffOptions, type Clock, sleep, systemClock, within } from '@smpkit/encoding/internal'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import { parseNtfAddress } from './address.js'
import type { NtfCommand } from './commands.js'
import type { NtfConnect } from './connect.js'
import { aborted, NtfClientError, type NtfError, unlessAborted } from './errors.js'
import { openNtfSession } from './open-session.js'
import type { NtfOutcome, NtfRequest, NtfRequestOptions } from './requests.js'
import type { NtfAnswerTo } from './responses.js'
import type { NtfSessionClient, NtfSessionOptions } from './session-client.js'

export interface NtfClientOptions extends NtfSessionOptions {
  /** Default: TLS, where there is Node. */
  connect?: NtfConnect | undefined
  /** Of one attempt, in milliseconds. Default 45 000. */
  connectTimeout?: number
  /**
   * Delays before the next attempt to connect: 2 s, then 1.5 times as long up to 180 s, each between half and one and a half of it.
   */
  reconnect?: BackOffOptions
  random?: () => number
}

/** A session that lived as long was no failure, in milliseconds. */
const stableAfter = 10_000

const closedError = () => new NtfClientError('CLOSED', 'the client was closed')

/**
 * A client of one server. It connects when there is something to ask, and stays connected. A request is never repeated: whether one
 * without an answer was executed is not known.
 */
export class NtfClient implements AsyncDisposable {
  readonly address: ServerAddress
  readonly #options: NtfClientOptions
  readonly #clock: Clock
  readonly #backOff: BackOff
  readonly #closing = new AbortController()
  #session: NtfSessionClient | undefined
  #connecting: Promise<NtfSessionClient> | undefined
  /** When the next attempt to connect is due. */
  #notBefore = Number.NEGATIVE_INFINITY

  /** @throws AddressError */
  constructor(address: ServerAddress | string, options: NtfClientOptions = {}) {
    this.address = typeof address === 'string' ? parseNtfAddress(address) : address
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#backOff = new BackOff(
      { firstDelay: 2000, maxDelay: 180_000, ...options.reconnect },
      options.random ?? Math.random,
    )
  }

  /** The current one, while there is one. */
  get session(): NtfSessionClient | undefined {
    return this.#session
  }

  /**
   * The current session, or the next one: one attempt to connect for all who ask, after the back-off that is due.
   * @throws NtfClientError `CONNECT`, `CLOSED`, `ABORTED`
   */
  connected({ signal }: Pick<NtfRequestOptions, 'signal'> = {}): Promise<NtfSessionClient> {
    if (signal?.aborted) return Promise.reject(aborted(signal))
    if (this.#session) return Promise.resolve(this.#session)
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return unlessAborted(this.#connecting, signal)
  }

  /**
   * As `NtfSessionClient.request`, in the current session or the next one. A `timeout` that is given counts from the call; otherwise
   * the time to connect, back-off included, comes on top.
   * @throws NtfReplyError, NtfClientError
   */
  async request<C extends NtfCommand>(
    request: NtfRequest<C>,
    options: NtfRequestOptions = {},
  ): Promise<NtfAnswerTo<C>> {
    const { session, left } = await this.#connectedInTime(options)
    return session.request(request, left)
  }

  /** As `NtfSessionClient.requestAll`. Never rejects: without a session each outcome says why there is none. */
  async requestAll<R extends NtfRequest>(
    requests: readonly R[],
    options: NtfRequestOptions = {},
  ): Promise<NtfOutcome<R['command']>[]> {
    if (requests.length === 0) return []
    try {
      const { session, left } = await this.#connectedInTime(options)
      return await session.requestAll(requests, left)
    } catch (error) {
      return requests.map(() => ({ error: error as NtfError }))
    }
  }

  async #connectedInTime(options: NtfRequestOptions): Promise<{ session: NtfSessionClient; left: NtfRequestOptions }> {
    const { timeout } = options
    if (this.#session || timeout === undefined) return { session: await this.connected(options), left: options }
    const since = this.#clock.now()
    const late = () => new NtfClientError('TIMEOUT', `expected a connection within ${timeout} ms`)
    const session = await within(this.#clock, timeout, this.connected(options), late)
    return { session, left: { ...options, timeout: timeout - (this.#clock.now() - since) } }
  }

  async #connect(): Promise<NtfSessionClient> {
    await sleep(this.#clock, this.#notBefore - this.#clock.now(), this.#closing.signal)
    try {
      const session = await this.#open()
      this.#up(session)
      return session
    } catch (error) {
      this.#notBefore = this.#clock.now() + this.#backOff.next()
      throw error
    }
  }

  async #open(): Promise<NtfSessionClient> {
    const { connectTimeout = 45_000 } = this.#options
    const { signal } = this.#closing
    if (signal.aborted) throw closedError()
    const controller = new AbortController()
    const onClose = () => controller.abort()
    signal.addEventListener('abort', onClose)
    const cancel = this.#clock.schedule(() => controller.abort(), connectTimeout)
    try {
      const session = await openNtfSession(this.address, { ...this.#options, signal: controller.signal })
      if (!signal.aborted) return session
      void session.close()
      throw closedError()
    } catch (error) {
      if (signal.aborted) throw closedError()
      if (!controller.signal.aborted) throw error
      const message = `cannot connect: it took longer than ${connectTimeout} ms`
      throw new NtfClientError('CONNECT', message, { temporary: true })
    } finally {
      cancel()
      signal.removeEventListener('abort', onClose)
    }
  }

  #up(session: NtfSessionClient): void {
    const since = this.#clock.now()
    this.#session = session
    void session.closed.then(() => {
      this.#session = undefined
      if (this.#clock.now() - since >= stableAfter) this.#backOff.succeeded()
      this.#notBefore = this.#clock.now() + this.#backOff.next()
    })
  }

  /** Ends the session: whatever waits fails with `CLOSED`, as does all that is asked later. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#session?.close()
    await this.#connecting?.catch(() => {})
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
