// Spec 20 §4: requests on their way: written in blocks, correlated with their answers, timed out.
import { randomBytes } from '@smpkit/crypto'
import { toMapKey } from '@smpkit/encoding'
import { type Clock, yieldToOthers } from '@smpkit/encoding/internal'
import { corrIdLength } from '@smpkit/smp-commands'
import { authorizeNtf } from './authorization.js'
import { packCommands } from './batch.js'
import { NtfClientError, type NtfError } from './errors.js'
import type { ReceivedResponse } from './receive.js'
import { judge, type NtfOutcome, type NtfRequest, noEntity } from './requests.js'
import type { NtfClientEnd } from './session.js'

export interface QueueOptions {
  readonly end: NtfClientEnd
  readonly clock: Clock
  /** Single requests, and as many of lists, that are sent and not answered. */
  readonly maxInFlight: number
  send(content: Uint8Array): Promise<void>
  /** The connection did not take a block. */
  onSendError(error: unknown): void
  /** A request that was sent then was not answered in time. */
  onTimeout(sentAt: number): void
}

/** Apart, so that neither kind waits for many of the other. */
export type Kind = 'single' | 'list'

interface Pending {
  readonly request: NtfRequest
  readonly kind: Kind
  readonly timeout: number
  readonly onOutcome: (outcome: NtfOutcome) => void
  /** Its correlation id, and when it was sent. */
  sent: { key: string; at: number } | undefined
  stopTimer: () => void
}

interface Written {
  readonly pending: Pending
  readonly key: string
  readonly transmission: Uint8Array
}

/** Signing so many takes a few milliseconds. */
const chunkLength = 64

export class RequestQueue {
  readonly #options: QueueOptions
  /** All that have no outcome. */
  readonly #open = new Set<Pending>()
  /** In the order in which they are to be sent. */
  readonly #waiting: Record<Kind, Set<Pending>> = { single: new Set(), list: new Set() }
  readonly #inFlight: Record<Kind, number> = { single: 0, list: 0 }
  /** By correlation id. */
  readonly #sent = new Map<string, Pending>()
  #writing = false
  #ended: NtfError | undefined

  constructor(options: QueueOptions) {
    this.#options = options
  }

  /**
   * The time of a single request runs from now, that of one of a list from when it is sent. The result gives the request up: then
   * that error is its outcome, if it has none.
   */
  add(
    request: NtfRequest,
    { kind, timeout }: { kind: Kind; timeout: number },
    onOutcome: (outcome: NtfOutcome) => void,
  ): (error: NtfError) => void {
    if (this.#ended) {
      onOutcome({ error: this.#ended })
      return () => {}
    }
    const pending: Pending = { request, kind, timeout, onOutcome, sent: undefined, stopTimer: () => {} }
    this.#open.add(pending)
    this.#waiting[kind].add(pending)
    if (kind === 'single') this.#startTimer(pending)
    this.#wake()
    return (error) => this.#settle(pending, { error })
  }

  /** Settles the request that this is the answer to; `false` where there is none, or none any more. */
  receive(received: ReceivedResponse): boolean {
    const pending = this.#sent.get(toMapKey(received.corrId))
    if (pending) this.#settle(pending, judge(pending.request, received))
    return pending !== undefined
  }

  /** Gives all up, and whatever comes. */
  end(error: NtfError): void {
    this.#ended ??= error
    for (const pending of this.#open) this.#settle(pending, { error })
  }

  #settle(pending: Pending, outcome: NtfOutcome): void {
    if (!this.#open.delete(pending)) return
    const { kind, sent } = pending
    pending.stopTimer()
    this.#waiting[kind].delete(pending)
    if (sent) {
      this.#sent.delete(sent.key)
      this.#inFlight[kind]--
    }
    pending.onOutcome(outcome)
    this.#wake()
  }

  #startTimer(pending: Pending): void {
    pending.stopTimer = this.#options.clock.schedule(() => {
      const { sent, timeout, request } = pending
      const what = sent ? 'got none' : 'it could not be sent'
      const message = `expected an answer to ${request.command.tag} within ${timeout} ms, ${what}`
      this.#settle(pending, { error: new NtfClientError('TIMEOUT', message) })
      if (sent) this.#options.onTimeout(sent.at)
    }, pending.timeout)
  }

  #wake(): void {
    if (!this.#writing && !this.#ended && this.#waiting.single.size + this.#waiting.list.size > 0) void this.#write()
  }

  async #write(): Promise<void> {
    this.#writing = true
    try {
      // What is asked in the same turn shares blocks.
      await Promise.resolve()
      for (let chunk = this.#take(); chunk.length > 0; chunk = this.#take()) {
        await this.#send(chunk)
        if (chunk.length === chunkLength) await yieldToOthers()
      }
    } catch (error) {
      this.#options.onSendError(error)
    } finally {
      this.#writing = false
    }
  }

  /** The next ones that may be sent. */
  #take(): Pending[] {
    const chunk: Pending[] = []
    for (const kind of ['single', 'list'] as const) {
      const waiting = this.#waiting[kind]
      let room = Math.min(this.#options.maxInFlight - this.#inFlight[kind], chunkLength - chunk.length)
      for (const pending of waiting) {
        if (room-- <= 0) break
        waiting.delete(pending)
        chunk.push(pending)
      }
    }
    return chunk
  }

  async #send(chunk: readonly Pending[]): Promise<void> {
    const { end, send } = this.#options
    const written = chunk.flatMap((pending) => this.#authorize(pending) ?? [])
    const transmissions = written.map(({ transmission }) => transmission)
    for (const block of packCommands(end.version, transmissions)) {
      if ('error' in block) {
        const pending = written[block.item]?.pending
        const message = `expected a command that fits a block, got ${pending?.request.command.tag} of more`
        if (pending) this.#settle(pending, { error: new NtfClientError('LARGE', message) })
        continue
      }
      // Some may have been given up while the blocks before were written.
      const live = written
        .slice(block.first, block.first + block.count)
        .filter(({ pending }) => this.#open.has(pending))
      if (live.length === 0) continue
      for (const one of live) this.#markSent(one)
      await send(block.content)
    }
  }

  #authorize(pending: Pending): Written | undefined {
    const { command, entityId = noEntity, key } = pending.request
    const corrId = randomBytes(corrIdLength)
    try {
      const { transmission } = authorizeNtf(this.#options.end, { corrId, entityId, command, key })
      return { pending, key: toMapKey(corrId), transmission }
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : 'unknown'
      this.#settle(pending, { error: new NtfClientError('INVALID', `cannot write ${command.tag}: ${why}`, { cause }) })
      return undefined
    }
  }

  #markSent({ pending, key }: Written): void {
    pending.sent = { key, at: this.#options.clock.now() }
    this.#sent.set(key, pending)
    this.#inFlight[pending.kind]++
    if (pending.kind === 'list') this.#startTimer(pending)
  }
}
