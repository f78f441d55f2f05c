// Spec 30 §6: sends what is owed. The store says what that is; here it is read, sent, and its outcome stored, many at a time.
import type { PushOutcome, PushProvider } from '@smpkit/push-providers'
import { isCounted } from './counted-store.js'
import type { Entry } from './lane.js'
import { errorKind } from './logger.js'
import { BatchRows, selectionFor } from './outbox-batch.js'
import { type Attempt, backOff, type OwedRows, plan, settle, settleEmpty } from './outbox-rules.js'
import { OwedPushes } from './owed-pushes.js'
import type { LastAnswer, PushCount } from './push-counters.js'
import { PushSender, type PushSenderOptions } from './push-sender.js'
import { RateLimit } from './rate-limit.js'
import { deviceKey, type OutboxRow, type TokenRow } from './rows.js'
import { type Decision, type NotificationStore, pagesOf, type Rows, type Selection } from './store.js'
import { Turns } from './turns.js'

export interface OutboxOptions extends PushSenderOptions {
  readonly store: NotificationStore
  readonly providers: readonly PushProvider[]
  readonly random: () => number
}

export interface OutboxMetrics {
  readonly pushes: readonly PushCount[]
  readonly lastAnswers: readonly LastAnswer[]
  /** Verification pushes that were asked for since the start, of tokens that `isCounted` counts. */
  readonly verifications: number
  /** Pushes that are owed and can be sent, in flight or not. */
  readonly owed: number
  readonly inFlight: number
  /** Milliseconds since the oldest of them is owed; 0 if there is none. */
  readonly oldestOwed: number
  /** `lanes`: destinations that are known; `paused`: those that take nothing at present. */
  readonly providers: readonly {
    readonly provider: string
    readonly inFlight: number
    readonly lanes: number
    readonly paused: number
  }[]
}

/** What is to be stored about an attempt: `sent` is `undefined` where there was nothing to send. */
interface Unsettled {
  readonly entry: Entry
  readonly sent: { readonly attempt: Attempt; readonly outcome: PushOutcome } | undefined
}

class Failed {
  constructor(readonly cause: unknown) {}
}

const hour = 3_600_000

/** Nobody is flooded through these: one sends nothing, the other leads to a server of tests. Clients of tests share few device tokens. */
const withoutDevices: ReadonlySet<string> = new Set(['apns_null', 'apns_test'])

/** Pushes that are read, or settled, together. */
const batchSize = 100

/** Of failures of the store that make the delay grow: it is not to be waited for long after it is back. */
const maxStoreFailures = 5

export class Outbox {
  readonly #options: OutboxOptions
  readonly #owed: OwedPushes
  readonly #sender: PushSender
  readonly #unsettled: Unsettled[] = []
  readonly #beginning = new Turns(() => this.#beginSome())
  readonly #settling = new Turns(() => this.#settleSome())
  readonly #sending = new Set<Promise<void>>()
  readonly #verifications: RateLimit
  /** So many of the unsettled are settled one by one. */
  #alone = 0
  #verificationsOwed = 0
  #closed = false

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#owed = new OwedPushes(options, () => this.#beginning.wake())
    this.#sender = new PushSender(options)
    this.#verifications = new RateLimit(options.clock, options.limits.verifications, hour)
  }

  /** Takes up what the store says is owed. */
  async restore(): Promise<void> {
    for await (const rows of pagesOf(this.#options.store, 'outbox')) for (const row of rows) this.#owed.add(row)
  }

  /**
   * `store.atomic` for all changes that owe pushes: what they put into the outbox is sent when it is due. `committed` is for what follows
   * from it outside of the store: it is called before anything that follows from a later change.
   */
  async commit<T>(
    selection: Selection,
    change: (rows: Rows) => Decision<T>,
    committed: (result: T) => void = () => {},
  ): Promise<T> {
    let put: readonly OutboxRow[] = []
    let added: readonly OutboxRow[] = []
    let tokens: readonly TokenRow[] = []
    const result = await this.#options.store.atomic(selection, (rows) => {
      const decision = change(rows)
      put = decision.changes.outbox ?? []
      added = decision.changes.outboxIfAbsent ?? []
      tokens = [...rows.tokens, ...(decision.changes.tokens ?? [])]
      // Before the commit: an attempt that is settled right after it must not remove what is owed since.
      for (const { id } of put) this.#owed.expect(id)
      for (const { id } of added) this.#owed.expect(id)
      return decision
    })
    committed(result)
    this.#verificationsOwed += put.filter((row) => row.kind === 'verification' && isCounted(row)).length
    const devices = new Map(tokens.map(({ id, deviceToken }) => [id, deviceToken]))
    for (const row of put) this.#owed.add(row, { device: devices.get(row.token), sooner: true })
    for (const row of added) this.#owed.add(row, { device: devices.get(row.token) })
    return result
  }

  /** How many pushes are in flight, and how many are owed in memory. */
  get activity(): { readonly inFlight: number; readonly owed: number } {
    return { inFlight: this.#owed.inFlight, owed: this.#owed.size }
  }

  get metrics(): OutboxMetrics {
    const { counts: pushes, lastAnswers } = this.#sender.counters
    const now = this.#options.clock.now()
    const providers = [...this.#owed.providers].map(([provider, { inFlight, counts }]) => ({
      provider,
      inFlight,
      ...counts,
    }))
    const verifications = this.#verificationsOwed
    const oldestOwed = now - (this.#owed.oldest ?? now)
    return { pushes, lastAnswers, verifications, ...this.activity, oldestOwed, providers }
  }

  /** Aborts what is in flight, and waits until its outcome is in the store. */
  async close(): Promise<void> {
    this.#closed = true
    this.#owed.close()
    this.#sender.close()
    await this.#beginning.idle()
    await Promise.all(this.#sending)
    await this.#settling.idle()
  }

  async #beginSome(): Promise<void> {
    const taken = this.#owed.take(batchSize)
    if (taken.length === 0) return
    // There may be more. What has no place now comes when another one ends.
    if (taken.length >= batchSize) this.#beginning.wake()
    let rows: BatchRows
    try {
      rows = new BatchRows(await this.#options.store.read(selectionFor(taken)))
    } catch (error) {
      for (const entry of taken) this.#failed(entry, error)
      return
    }
    for (const entry of taken) {
      try {
        this.#begin(entry, rows.of(entry))
      } catch (error) {
        this.#failed(entry, error)
      }
    }
  }

  #begin(entry: Entry, rows: OwedRows): void {
    const { clock, limits } = this.#options
    const { token, kind, lane } = entry
    const planned = plan({ token, kind, provider: lane.provider }, rows, clock.now(), limits)
    const wait = planned.next === 'send' && kind === 'verification' ? this.#waitOf(planned.attempt) : 0
    if (this.#closed) this.#end(entry, null)
    else if (planned.next === 'wait') this.#end(entry, planned.until)
    else if (wait > 0) this.#end(entry, clock.now() + wait)
    else if (planned.next === 'park' && planned.empty) this.#settle({ entry, sent: undefined })
    else if (planned.next === 'park') this.#end(entry, null)
    else if (this.#owed.place(entry, planned.attempt.provider, planned.attempt.push.token)) {
      const sending = this.#send(entry, planned.attempt).finally(() => this.#sending.delete(sending))
      this.#sending.add(sending)
    }
  }

  /** Anybody can register a device that is not theirs, again and again, and as many clients: it is not to be flooded. */
  #waitOf({ provider, push }: Attempt): number {
    return withoutDevices.has(provider) ? 0 : this.#verifications.take(deviceKey(provider, push.token))
  }

  /** Never rejects. */
  async #send(entry: Entry, attempt: Attempt): Promise<void> {
    const { clock, limits, random } = this.#options
    const { lane } = entry
    const lanes = this.#owed.lanesOf(entry)
    const { round } = lane
    const outcome = await this.#sender.send(attempt, lanes.provider)
    if (this.#closed && outcome.outcome === 'retry') {
      // Not the provider's answer: the push stays owed as it was.
      this.#end(entry, null)
      return
    }
    const pause = lane.answered(outcome, round, lanes.provider.maxConcurrent)
    if (pause) lanes.pause(lane, clock.now() + Math.max(pause.afterMs, backOff(pause.before, random(), limits)))
    this.#settle({ entry, sent: { attempt, outcome } })
  }

  #settle(unsettled: Unsettled): void {
    this.#unsettled.push(unsettled)
    this.#settling.wake()
  }

  async #settleSome(): Promise<void> {
    const isAlone = this.#alone > 0
    if (isAlone) this.#alone--
    const batch = this.#unsettled.splice(0, isAlone ? 1 : batchSize)
    if (batch.length === 0) return
    if (this.#unsettled.length > 0) this.#settling.wake()
    let results: readonly (number | null | Failed)[]
    try {
      const selection = selectionFor(batch.map(({ entry }) => entry))
      results = await this.#options.store.atomic(selection, (found) => {
        const rows = new BatchRows(found)
        const result = batch.map((one) => this.#judge(one, rows))
        return { changes: rows.changes, result }
      })
    } catch (error) {
      if (batch.length === 1) for (const { entry } of batch) this.#failed(entry, error)
      else this.#settleAlone(batch)
      return
    }
    for (const [i, { entry, sent }] of batch.entries()) {
      const result = results[i] ?? null
      if (sent?.outcome.outcome === 'accepted') entry.since = this.#options.clock.now()
      if (result instanceof Failed) this.#failed(entry, result.cause)
      else this.#end(entry, result)
    }
  }

  /** The store may not take what is to be written for one of them, which is to spoil no other. */
  #settleAlone(batch: readonly Unsettled[]): void {
    this.#unsettled.unshift(...batch)
    this.#alone += batch.length
    this.#settling.wake()
  }

  /** What is wrong with one of them spoils no other. */
  #judge({ entry, sent }: Unsettled, rows: BatchRows): number | null | Failed {
    const { clock, limits, random } = this.#options
    const { token, kind, lane, again } = entry
    const owed = { token, kind, provider: lane.provider }
    const now = clock.now()
    try {
      if (!sent) return rows.apply(settleEmpty(owed, rows.of(owed), now, limits))
      return rows.apply(settle(sent.attempt, rows.of(owed), { ...sent, now, again, random: random() }, limits))
    } catch (error) {
      return new Failed(error)
    }
  }

  #failed(entry: Entry, error: unknown): void {
    const { clock, limits, logger, random } = this.#options
    const { kind, failures } = entry
    logger.error({ error: errorKind(error), kind }, 'a push could not be read or settled')
    this.#end(entry, clock.now() + limits.storeRetry + backOff(failures, random(), limits))
    entry.failures = Math.min(failures + 1, maxStoreFailures)
  }

  #end(entry: Entry, next: number | null): void {
    entry.failures = 0
    this.#owed.end(entry, next)
  }
}
