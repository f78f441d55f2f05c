// Spec 20 §4, §8: the client's end of one session.

import { type Clock, onAbort, systemClock } from '@smpkit/encoding/internal'
import type { BlockConnection } from '@smpkit/smp-commands'
import type { NtfCommand } from './commands.js'
import { aborted, NtfClientError } from './errors.js'
import { type ReceivedResponse, receiveResponses } from './receive.js'
import { type Kind, RequestQueue } from './request-queue.js'
import type { NtfOutcome, NtfRequest, NtfRequestOptions } from './requests.js'
import type { NtfAnswerTo } from './responses.js'
import type { NtfClientEnd } from './session.js'

export interface NtfSessionOptions {
  /** How long a request waits for its answer, in milliseconds. Default 30 000. */
  requestTimeout?: number
  /** How many single requests, and as many of lists, may be sent and not answered; more wait. Default 512. */
  maxInFlight?: number
  clock?: Clock
}

/** So many times in a row requests were sent and not answered in time, and nothing came. */
const deadTimeouts = 3

/** A session over a connection whose handshake is done. It owns the connection. */
export class NtfSessionClient implements AsyncDisposable {
  /** `undefined` after our `close`, the reason otherwise. Never rejects. */
  readonly closed: Promise<NtfClientError | undefined>
  readonly #connection: BlockConnection<NtfClientEnd>
  readonly #requestTimeout: number
  readonly #requests: RequestQueue
  #settleClosed: (error: NtfClientError | undefined) => void = () => {}
  #ended = false
  #timeouts = 0
  /** When the last of these was noticed. */
  #timeoutAt = Number.NEGATIVE_INFINITY

  constructor(connection: BlockConnection<NtfClientEnd>, options: NtfSessionOptions = {}) {
    const { clock = systemClock, requestTimeout = 30_000, maxInFlight = 512 } = options
    this.#connection = connection
    this.#requestTimeout = requestTimeout
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve
    })
    this.#requests = new RequestQueue({
      end: connection.session,
      clock,
      maxInFlight,
      send: (content) => connection.send(content),
      onSendError: (cause) => this.#end(connectionEnded(cause)),
      onTimeout: (sentAt) => this.#onTimeout(sentAt, clock.now()),
    })
    void this.#read()
  }

  /** Version, session id and the server's key that the handshake agreed on. */
  get session(): NtfClientEnd {
    return this.#connection.session
  }

  /**
   * Sends one command and waits for its answer, the caller's own. Commands that are given one after another are sent in that order.
   * The time-out runs from the call.
   * @throws NtfReplyError if the server answers `ERR`; NtfClientError otherwise
   */
  async request<C extends NtfCommand>(
    request: NtfRequest<C>,
    options: NtfRequestOptions = {},
  ): Promise<NtfAnswerTo<C>> {
    const [outcome] = await this.#ask([request], 'single', options)
    if (outcome?.response) return outcome.response
    throw outcome?.error
  }

  /**
   * Sends many commands in as few blocks as possible. One outcome for each, in the order of the requests; that one fails or
   * is slow does not matter to the others. The time-out of each runs from when it is sent. Never rejects.
   */
  requestAll<R extends NtfRequest>(
    requests: readonly R[],
    options: NtfRequestOptions = {},
  ): Promise<NtfOutcome<R['command']>[]> {
    return this.#ask(requests, 'list', options)
  }

  #ask<R extends NtfRequest>(
    requests: readonly R[],
    kind: Kind,
    { signal, timeout = this.#requestTimeout }: NtfRequestOptions,
  ): Promise<NtfOutcome<R['command']>[]> {
    if (signal?.aborted) return Promise.resolve(requests.map(() => ({ error: aborted(signal) })))
    return new Promise((resolve) => {
      const outcomes = new Array<NtfOutcome<R['command']>>(requests.length)
      let left = requests.length
      let cancel = () => {}
      const finish = () => {
        cancel()
        resolve(outcomes)
      }
      if (left === 0) return finish()
      const giveUps = requests.map((request, i) =>
        this.#requests.add(request, { kind, timeout }, (outcome) => {
          outcomes[i] = outcome as NtfOutcome<R['command']>
          if (--left === 0) finish()
        }),
      )
      if (signal && left > 0) {
        cancel = onAbort(signal, () => {
          for (const giveUp of giveUps) giveUp(aborted(signal))
        })
      }
    })
  }

  /** Those that were sent before the last time-out was noticed tell nothing new. */
  #onTimeout(sentAt: number, now: number): void {
    if (sentAt < this.#timeoutAt) return
    this.#timeoutAt = now
    if (++this.#timeouts >= deadTimeouts) {
      this.#end(new NtfClientError('TIMEOUT', `the server has not answered ${deadTimeouts} times in a row`))
    }
  }

  async #read(): Promise<void> {
    try {
      for await (const content of this.#connection) {
        this.#timeouts = 0
        // A copy: what is kept of an answer must not keep what else the socket read.
        for (const received of receiveResponses(this.session, content.slice())) this.#receive(received)
        if (this.#ended) break
      }
      this.#end(connectionEnded(await this.#connection.closed))
    } catch (cause) {
      this.#end(connectionEnded(cause))
    }
  }

  #receive(received: ReceivedResponse): void {
    if (received.corrId.length > 0) {
      // What nobody waits for any more is no answer to anything.
      this.#requests.receive(received)
      return
    }
    // The server says nothing unasked: some request has no answer but this, and nobody knows which.
    if ('error' in received) {
      this.#end(new NtfClientError('BLOCK', 'expected a block of responses, got one that cannot be read'))
    } else if (received.response.tag === 'ERR') {
      this.#end(new NtfClientError('BLOCK', 'expected the server to read our blocks, it could not read one'))
    }
  }

  #end(error: NtfClientError | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#requests.end(error ?? new NtfClientError('CLOSED', 'the session was closed'))
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

function connectionEnded(cause: unknown): NtfClientError {
  const why = cause instanceof Error ? cause.message : 'the server ended it'
  return new NtfClientError('CLOSED', `the connection ended: ${why}`, { cause })
}
