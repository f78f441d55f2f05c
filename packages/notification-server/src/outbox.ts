// Spec 30 §6: sends what is owed. The store says what that is; here is only when, and through which provider.
import type { Push, PushOutcome, PushProvider } from '@smpkit/push-providers'
import type { Clock } from './clock.js'
import { DueQueue } from './due-queue.js'
import type { Limits } from './limits.js'
import { errorKind, type Logger } from './logger.js'
import { type Attempt, backOff, type Owed, plan, selectionFor, settle, settleEmpty } from './outbox-rules.js'
import { type OutboxRow, outboxId } from './rows.js'
import type { Decision, NotificationStore, Rows, Selection } from './store.js'

/** What is told of each attempt to push; nothing in it is secret. */
export interface PushReport {
  readonly provider: string
  readonly kind: Push['kind']
  readonly outcome: PushOutcome
  /** Queues that the push names. */
  readonly items: number
  /** Milliseconds that the provider took. */
  readonly tookMs: number
}

export interface OutboxOptions {
  readonly store: NotificationStore
  readonly providers: readonly PushProvider[]
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly random: () => number
  readonly onPush: ((report: PushReport) => void) | undefined
}

/** An owed push in memory: one for each token and kind. */
interface Entry {
  readonly owed: Owed
  state: 'waiting' | 'ready' | 'attempted'
  /** When the present wait ends: an older place in the due queue counts no more. */
  dueAt: number
  /** Owed once more while it was attempted. */
  again: boolean
  /** How often in a row the store failed it. */
  failures: number
}

/** The pushes of one provider: those that are due in their order, and how many are in flight. */
interface Lane {
  readonly provider: PushProvider
  readonly ready: Set<Entry>
  inFlight: number
}

const pageSize = 1000

/** Of failures of the store that make the delay grow: it is not to be waited for long after it is back. */
const maxStoreFailures = 5

export class Outbox {
  readonly #options: OutboxOptions
  readonly #entries = new Map<string, Entry>()
  readonly #lanes: ReadonlyMap<string, Lane>
  readonly #due: DueQueue<{ readonly entry: Entry; readonly dueAt: number }>
  readonly #running = new Set<Promise<void>>()
  /** End the pushes in flight. */
  readonly #giveUps = new Set<(reason: string) => void>()
  #closed = false

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#lanes = new Map(
      options.providers.map((provider) => [provider.name, { provider, ready: new Set<Entry>(), inFlight: 0 }]),
    )
    this.#due = new DueQueue(options.clock, ({ entry, dueAt }) => {
      const present = this.#entries.get(outboxId(entry.owed.token, entry.owed.kind)) === entry
      if (present && entry.state === 'waiting' && entry.dueAt === dueAt) this.#makeReady(entry)
    })
  }

  /** Takes up what the store says is owed. */
  async restore(): Promise<void> {
    for (let after = ''; ; ) {
      const rows = await this.#options.store.page('outbox', { after, limit: pageSize })
      for (const row of rows) this.#wake(row)
      if (rows.length < pageSize) return
      after = (rows.at(-1) as (typeof rows)[number]).id
    }
  }

  /** `store.atomic` for all changes that owe pushes: what they put into the outbox is sent when it is due. */
  async commit<T>(selection: Selection, change: (rows: Rows) => Decision<T>): Promise<T> {
    let put: readonly OutboxRow[] = []
    let added: readonly OutboxRow[] = []
    const result = await this.#options.store.atomic(selection, (rows) => {
      const decision = change(rows)
      put = decision.changes.outbox ?? []
      added = decision.changes.outboxIfAbsent ?? []
      // Before the commit: an attempt that is settled right after it must not remove what is owed since.
      for (const { id } of put) this.#markAttempted(id)
      for (const { id } of added) this.#markAttempted(id)
      return decision
    })
    for (const row of put) this.#wake(row, { sooner: true })
    for (const row of added) this.#wake(row)
    return result
  }

  #markAttempted(id: string): void {
    const entry = this.#entries.get(id)
    if (entry?.state === 'attempted') entry.again = true
  }

  /** An entry that waits keeps its time, as a row does that is there already; one that was put may be due `sooner`. */
  #wake({ id, token, kind, provider, dueAt }: OutboxRow, { sooner = false } = {}): void {
    if (this.#closed) return
    const entry = this.#entries.get(id)
    if (entry?.state === 'attempted') entry.again = true
    else if (!entry || entry.owed.provider !== provider) {
      // A push that is ready for the provider that the device left would wait for that provider's other pushes.
      if (entry) this.#lanes.get(entry.owed.provider)?.ready.delete(entry)
      this.#begin({ token, kind, provider }, dueAt)
    } else if (sooner && entry.state === 'waiting' && dueAt < entry.dueAt) this.#wait(entry, dueAt)
  }

  #begin(owed: Owed, dueAt: number, failures = 0): void {
    const entry: Entry = { owed, state: 'waiting', dueAt, again: false, failures }
    this.#entries.set(outboxId(owed.token, owed.kind), entry)
    this.#wait(entry, dueAt)
  }

  /** How many pushes are in flight, and how many are owed in memory. */
  get activity(): { readonly inFlight: number; readonly owed: number } {
    let inFlight = 0
    for (const lane of this.#lanes.values()) inFlight += lane.inFlight
    return { inFlight, owed: this.#entries.size }
  }

  /** Aborts what is in flight, and waits until its outcome is in the store. */
  async close(): Promise<void> {
    this.#closed = true
    this.#due.close()
    for (const giveUp of this.#giveUps) giveUp('closed')
    await Promise.all(this.#running)
    this.#entries.clear()
  }

  #wait(entry: Entry, dueAt: number): void {
    entry.state = 'waiting'
    entry.dueAt = dueAt
    if (dueAt <= this.#options.clock.now()) this.#makeReady(entry)
    else this.#due.add({ entry, dueAt }, dueAt)
  }

  #makeReady(entry: Entry): void {
    const lane = this.#lanes.get(entry.owed.provider)
    if (!lane) {
      // The operator took the provider out of service: what is owed stays in the store until it is back.
      this.#options.logger.warn(
        { provider: entry.owed.provider },
        'push owed through a provider that is not configured',
      )
      this.#entries.delete(outboxId(entry.owed.token, entry.owed.kind))
      return
    }
    entry.state = 'ready'
    lane.ready.add(entry)
    this.#pump(lane)
  }

  #pump(lane: Lane): void {
    for (const entry of lane.ready) {
      if (this.#closed || lane.inFlight >= lane.provider.maxConcurrent) return
      lane.ready.delete(entry)
      lane.inFlight++
      const running = this.#attempt(entry, lane).finally(() => {
        lane.inFlight--
        this.#running.delete(running)
        this.#pump(lane)
      })
      this.#running.add(running)
    }
  }

  /** Never rejects. */
  async #attempt(entry: Entry, lane: Lane): Promise<void> {
    const { clock, limits, logger, random } = this.#options
    entry.state = 'attempted'
    entry.again = false
    let next: number | null
    let { owed } = entry
    let failures = 0
    try {
      ;({ next, owed } = await this.#step(entry, lane))
    } catch (error) {
      logger.error({ error: errorKind(error), kind: owed.kind }, 'a push could not be read or settled')
      failures = Math.min(entry.failures + 1, maxStoreFailures)
      next = clock.now() + limits.storeRetry + backOff(entry.failures, random(), limits)
    }
    const id = outboxId(entry.owed.token, entry.owed.kind)
    if (next === null && entry.again) next = clock.now()
    this.#entries.delete(id)
    if (next === null || this.#closed) return
    this.#begin(owed, next, failures)
  }

  /** Reads what is owed now, sends it and commits the outcome. */
  async #step(entry: Entry, lane: Lane): Promise<{ next: number | null; owed: Owed }> {
    const { store, clock, limits, random } = this.#options
    const { owed } = entry
    const selection = selectionFor(owed)
    const planned = plan(owed, await store.read(selection), clock.now(), limits)
    if (planned.next === 'wait') return { next: planned.until, owed }
    if (planned.next === 'park') {
      if (!planned.empty) return { next: null, owed }
      return { next: await store.atomic(selection, (rows) => settleEmpty(owed, rows, clock.now(), limits)), owed }
    }
    const { attempt } = planned
    if (this.#closed) return { next: null, owed }
    // The device moved to another provider since the entry was made.
    if (attempt.provider !== lane.provider.name)
      return { next: clock.now(), owed: { ...owed, provider: attempt.provider } }
    const outcome = await this.#send(attempt, lane.provider)
    // Not the provider's answer: the push stays owed as it was.
    if (this.#closed && outcome.outcome === 'retry') return { next: null, owed }
    const next = await store.atomic(selection, (rows) =>
      settle(attempt, rows, { outcome, now: clock.now(), again: entry.again, random: random() }, limits),
    )
    return { next, owed }
  }

  /** Settles in bounded time whatever the provider does. */
  async #send({ push, carried }: Attempt, provider: PushProvider): Promise<PushOutcome> {
    const { clock, limits, logger, onPush } = this.#options
    const began = clock.now()
    const abort = new AbortController()
    let giveUp = (_: string) => {}
    const outcome = await new Promise<PushOutcome>((resolve) => {
      const retry = (reason: string) => resolve({ outcome: 'retry', afterMs: 0, reason })
      const cancel = clock.schedule(() => giveUp('timeout'), limits.pushTimeout)
      giveUp = (reason) => {
        cancel()
        abort.abort()
        retry(reason)
      }
      this.#giveUps.add(giveUp)
      const failed = (error: unknown) => {
        logger.error({ provider: provider.name, error: errorKind(error) }, 'a push provider broke its contract')
        retry('exception')
      }
      try {
        provider.send(push, { signal: abort.signal }).then(resolve, failed).finally(cancel)
      } catch (error) {
        cancel()
        failed(error)
      }
    })
    this.#giveUps.delete(giveUp)
    logger.debug({ provider: provider.name, kind: push.kind, ...outcome }, 'push')
    try {
      onPush?.({
        provider: provider.name,
        kind: push.kind,
        outcome,
        items: carried.length,
        tookMs: clock.now() - began,
      })
    } catch (error) {
      logger.error({ error: errorKind(error) }, 'onPush threw')
    }
    return outcome
  }
}
