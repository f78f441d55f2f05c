// Spec 04 §2.1, §2.3, §10: requests on their way: written in blocks, correlated with their answers, timed out.
import { EncodeError, toMapKey } from '@smpkit/encoding'
import { yieldToOthers } from '@smpkit/encoding/internal'
import { authorize, maxTransmissionLength, packBlock, packBlocks, type ReceivedMessage } from '@smpkit/smp-commands'
import { newCorrId } from './corr-ids.js'
import { type Outcome, SmpClientError, type SmpError } from './errors.js'
import {
  authorizeError,
  type Batch,
  type Match,
  type Pending,
  type QueueOptions,
  type Work,
  type Written,
} from './request-work.js'
import { type Answer, judge, noEntity, type Request } from './requests.js'

/** What is written before the next batch has its turn: a chunk of subscriptions, or 20 blocks. */
const maxChunk = 1350
const maxChunkBytes = 20 * 16384
/** Signing so many takes a few milliseconds. */
const signedAtOnce = 64

export class RequestQueue {
  /** By correlation id. One of a batch that is not single is here once it is written. */
  readonly #pending = new Map<string, Pending>()
  readonly #options: QueueOptions
  readonly #waiting: Work[] = []
  #writing = false
  /** Apart, so that neither kind waits for slow answers of the other. */
  readonly #inFlight = { single: 0, list: 0 }
  #timer: { at: number; cancel: () => void } | undefined
  #ended: SmpError | undefined

  constructor(options: QueueOptions) {
    this.#options = options
  }

  /** Whether no answer is to come. Lists may wait for events to be taken. */
  get idle(): boolean {
    return this.#pending.size === 0 && !this.#writing
  }

  /** Returns the function that gives the batch up: what has no outcome has that error. */
  add(batch: Batch): (error: SmpError) => void {
    const deadline = batch.single ? this.#options.clock.now() + batch.timeout : Number.POSITIVE_INFINITY
    const patience = this.#options.clock.now() + batch.timeout
    const work: Work = { batch, open: 0, exhausted: false, failure: undefined, deadline, patience }
    if (this.#ended) this.#giveUp(work, this.#ended)
    else {
      this.#waiting.push(work)
      if (batch.single) this.#watch(deadline)
      if (!this.#writing) void this.#write()
    }
    return (error) => this.#giveUp(work, error)
  }

  /** The request that a message is the answer to, with its outcome; it is settled by `settle`. */
  match(received: ReceivedMessage): Match | undefined {
    const key = toMapKey(received.corrId)
    const pending = this.#pending.get(key)
    if (!pending?.sent) return undefined
    const { request } = pending
    return { request, outcome: judge(request, received), settle: (outcome) => this.#settle(key, outcome) }
  }

  /** Gives all up. */
  end(error: SmpError): void {
    if (this.#ended) return
    this.#ended = error
    this.#timer?.cancel()
    for (const key of [...this.#pending.keys()]) this.#settle(key, { error })
    for (const work of this.#waiting.splice(0)) this.#giveUp(work, error)
  }

  async #write(): Promise<void> {
    this.#writing = true
    try {
      // All answers of the block that made room first: the next chunk is the larger.
      await Promise.resolve()
      for (let work = this.#pick(); work; work = this.#pick()) {
        const written = await this.#take(work)
        work.patience = this.#options.clock.now() + work.batch.timeout
        // It was in nobody's list when the end came.
        if (this.#ended) this.#giveUp(work, this.#ended)
        if (!work.exhausted) this.#waiting.push(work)
        for (const content of this.#blocks(work, written)) await this.#options.send(content)
      }
    } catch (error) {
      this.#options.onSendError(error)
    } finally {
      this.#writing = false
    }
  }

  /** Whose turn it is; `undefined` where there is nothing to write, or nothing yet. */
  #pick(): Work | undefined {
    const { clock, crowded, maxInFlight } = this.#options
    const { single, list } = this.#inFlight
    // Half of a list's answers make room: some that do not come do not stop it, and chunks stay large.
    const mayGo = ({ batch, patience }: Work) =>
      batch.single ? single < maxInFlight : list <= maxInFlight / 2 && (!crowded() || patience <= clock.now())
    const at = this.#waiting.findIndex(mayGo)
    if (at >= 0) return this.#waiting.splice(at, 1)[0]
    const now = clock.now()
    if (crowded()) for (const { patience } of this.#waiting) if (patience > now) this.#watch(patience)
    return undefined
  }

  /** Events have been taken, or answers have come. */
  wake(): void {
    if (!this.#writing && this.#waiting.length > 0) void this.#write()
  }

  /** Writes and signs the next requests of a batch. */
  async #take(work: Work): Promise<Written[]> {
    const limit = work.batch.single ? maxChunk : Math.min(maxChunk, this.#options.maxInFlight - this.#inFlight.list)
    const written: Written[] = []
    let bytes = 0
    while (!work.exhausted && written.length < limit && bytes < maxChunkBytes) {
      if (this.#ended) {
        this.#giveUp(work, this.#ended)
        break
      }
      const request = this.#next(work)
      if (!request) break
      const one = this.#authorize(work, request)
      if (!one) continue
      written.push(one)
      bytes += one.transmission.length
      if (written.length % signedAtOnce === 0) await yieldToOthers()
    }
    return written
  }

  #next(work: Work): Request | undefined {
    try {
      const { value, done } = work.batch.requests.next()
      if (!done) return value
    } catch (error) {
      work.failure ??= error
    }
    work.exhausted = true
    this.#finish(work)
    return undefined
  }

  #authorize(work: Work, request: Request): Written | undefined {
    const { command, entityId = noEntity, key = null, corrId = newCorrId() } = request
    work.open++
    const pendingKey = toMapKey(corrId)
    try {
      if (this.#pending.has(pendingKey)) throw new TypeError('expected a correlation id that is not in use')
      const { transmission } = authorize(this.#options.session, { corrId, entityId, command, key })
      if (transmission.length > maxTransmissionLength()) {
        throw new EncodeError('LARGE', `expected at most ${maxTransmissionLength()} bytes, got ${transmission.length}`)
      }
      this.#pending.set(pendingKey, { request, work, deadline: work.deadline, sent: false })
      return { key: pendingKey, transmission }
    } catch (cause) {
      this.#report(work, request, { error: authorizeError(command.tag, cause) })
      return undefined
    }
  }

  /** Contents to send, each marked as sent when it is taken. */
  *#blocks(work: Work, written: readonly Written[]): Generator<Uint8Array> {
    // Some may have timed out, or were given up, while they waited.
    const live = written.filter(({ key }) => this.#pending.has(key))
    const transmissions = live.map(({ transmission }) => transmission)
    const blocks = work.batch.single
      ? transmissions.map((one, first) => ({ content: packBlock([one]), first, count: 1 }))
      : packBlocks(transmissions)
    for (const block of blocks) {
      if ('error' in block) throw new TypeError('expected transmissions that fit')
      for (const { key } of live.slice(block.first, block.first + block.count)) this.#markSent(key)
      yield block.content
    }
  }

  #markSent(key: string): void {
    const pending = this.#pending.get(key)
    if (!pending) return
    pending.sent = true
    const { single, timeout } = pending.work.batch
    this.#inFlight[single ? 'single' : 'list']++
    if (single) return
    pending.deadline = this.#options.clock.now() + timeout
    this.#watch(pending.deadline)
  }

  #settle(key: string, outcome: Outcome<Answer>): void {
    const pending = this.#pending.get(key)
    if (!pending) return
    this.#pending.delete(key)
    if (pending.sent) this.#inFlight[pending.work.batch.single ? 'single' : 'list']--
    this.#report(pending.work, pending.request, outcome)
    this.wake()
  }

  #report(work: Work, request: Request, outcome: Outcome<Answer>): void {
    work.open--
    try {
      work.batch.onOutcome(request, outcome)
    } catch (error) {
      work.failure ??= error
    }
    this.#finish(work)
  }

  #finish(work: Work): void {
    if (work.exhausted && work.open === 0) work.batch.onDone(work.failure)
  }

  #giveUp(work: Work, error: SmpError): void {
    const at = this.#waiting.indexOf(work)
    if (at >= 0) this.#waiting.splice(at, 1)
    for (const [key, pending] of this.#pending) if (pending.work === work) this.#settle(key, { error })
    while (!work.exhausted) {
      const request = this.#next(work)
      if (!request) break
      work.open++
      this.#report(work, request, { error })
    }
  }

  /** One timer for all: it runs at the earliest deadline there was when it was set. */
  #watch(deadline: number): void {
    if (this.#timer && this.#timer.at <= deadline) return
    const { clock } = this.#options
    this.#timer?.cancel()
    this.#timer = { at: deadline, cancel: clock.schedule(() => this.#expire(), Math.max(0, deadline - clock.now())) }
  }

  #expire(): void {
    this.#timer = undefined
    const { clock, onTimeouts } = this.#options
    const now = clock.now()
    let next = Number.POSITIVE_INFINITY
    let count = 0
    for (const work of this.#waiting.filter(({ deadline }) => deadline <= now)) {
      this.#giveUp(work, new SmpClientError('TIMEOUT', `expected to send a command within ${work.batch.timeout} ms`))
    }
    for (const { deadline } of this.#waiting) next = Math.min(next, deadline)
    for (const [key, pending] of this.#pending) {
      if (pending.deadline > now) {
        next = Math.min(next, pending.deadline)
        continue
      }
      const { request, work, sent } = pending
      if (sent) count++
      const what = sent ? 'got none' : 'it could not be sent'
      const message = `expected an answer to ${request.command.tag} within ${work.batch.timeout} ms, ${what}`
      this.#settle(key, { error: new SmpClientError('TIMEOUT', message) })
    }
    if (next < Number.POSITIVE_INFINITY && !this.#ended) this.#watch(next)
    this.wake()
    if (count > 0) onTimeouts(count)
  }
}
