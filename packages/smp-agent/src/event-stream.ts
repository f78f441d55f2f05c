// What waits for the application: the events stored earlier, then those that are added; each until it is acknowledged.
import { type AgentStore, get, type Row } from '@smpkit/agent-store'
import { equalBytes } from '@smpkit/encoding'
import type { Clock } from '@smpkit/smp-client'
import { type AckOptions, type AgentEvent, eventOf } from './events.js'
import { isTemporary } from './failures.js'

type EventRow = Row<'events'>

/** Beyond so many, only the numbers of events that wait are kept in memory. */
const maxRows = 1000

interface Waiting {
  readonly eventId: number
  /** Read again from the store where it is missing. */
  readonly row: EventRow | undefined
  readonly redelivered: boolean
}

/** Before the store is asked again that was away, in milliseconds. */
const retryDelay = 500

function notIfAway(error: unknown): 'away' {
  if (isTemporary(error)) return 'away'
  throw error
}

export interface EventStreamOptions {
  readonly store: AgentStore
  /** The last event of earlier processes. */
  readonly lastStored: number
  readonly ack: (row: EventRow, options: AckOptions) => Promise<void>
  readonly clock: Clock
  readonly closing: AbortSignal
}

/** One stream for all who read it: each event goes to one of them. */
export class EventStream {
  readonly #options: EventStreamOptions
  #waiting: Waiting[] = []
  /** Of `#waiting`, those at its beginning that were given out. */
  #taken = 0
  /** Given out and not acknowledged. */
  readonly #open = new Set<number>()
  /** In `#waiting` to be given out again. */
  readonly #again = new Set<number>()
  /** Whether there may be events of earlier processes. */
  #isEarlier = true
  #lastTaken = 0
  #pages: AsyncIterator<readonly EventRow[]> | undefined
  #page: EventRow[] = []
  #readers: (() => void)[] = []
  #reading: Promise<unknown> = Promise.resolve()

  constructor(options: EventStreamOptions) {
    this.#options = options
    options.closing.addEventListener('abort', () => this.#wake())
  }

  /** A new event, after it was stored. */
  add(row: EventRow): void {
    const keep = this.#waiting.length - this.#taken < maxRows
    this.#waiting.push({ eventId: row.eventId, row: keep ? row : undefined, redelivered: false })
    this.#wake()
  }

  /** The server has sent the message again that is in this event. */
  addAgain(row: EventRow): void {
    const { eventId } = row
    if (!this.#open.has(eventId) || this.#again.has(eventId)) return
    this.#again.add(eventId)
    this.#waiting.push({ eventId, row: undefined, redelivered: true })
    this.#wake()
  }

  /** The events of a connection were removed from the store: those that wait are not given out. */
  forget(connId: Uint8Array): void {
    const isOf = (row: EventRow | undefined) => row !== undefined && equalBytes(row.connId, connId)
    this.#page = this.#page.filter((row) => !isOf(row))
    this.#waiting = this.#waiting.map((waiting) => (isOf(waiting.row) ? { ...waiting, row: undefined } : waiting))
  }

  async *read(signal?: AbortSignal): AsyncGenerator<AgentEvent, undefined> {
    const wake = () => this.#wake()
    signal?.addEventListener('abort', wake)
    try {
      while (!this.#options.closing.aborted) {
        signal?.throwIfAborted()
        const event = await this.#next()
        if (event === 'away') await this.#pause()
        else if (event) yield event
        else if (!this.#options.closing.aborted && !signal?.aborted && this.#isEmpty)
          await new Promise<void>((go) => this.#readers.push(go))
      }
    } finally {
      signal?.removeEventListener('abort', wake)
    }
  }

  get #isEmpty(): boolean {
    return this.#waiting.length === this.#taken && !this.#isEarlier
  }

  #wake(): void {
    const readers = this.#readers
    this.#readers = []
    for (const go of readers) go()
  }

  /** The next one, or nothing for now. One reader at a time, so that the order is kept. */
  #next(): Promise<AgentEvent | 'away' | undefined> {
    const next = this.#reading.then(() => this.#take()).catch(notIfAway)
    this.#reading = next.catch(() => {})
    return next
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#readers.push(resolve)
      this.#options.clock.schedule(resolve, retryDelay)
    })
  }

  async #take(): Promise<AgentEvent | undefined> {
    const { closing } = this.#options
    if (closing.aborted) return undefined
    const earlier = await this.#takeEarlier()
    if (earlier) return this.#give(earlier, true)
    const next = this.#waiting[this.#taken]
    if (!next) return undefined
    const { eventId, redelivered } = next
    const row = next.row ?? (await this.#options.store.read({ row: get('events', { eventId }) })).row
    this.#again.delete(eventId)
    if (++this.#taken === this.#waiting.length || this.#taken > maxRows) {
      this.#waiting = this.#waiting.slice(this.#taken)
      this.#taken = 0
    }
    // Acknowledged meanwhile.
    if (!row || (redelivered && !this.#open.has(eventId))) return undefined
    return this.#give(row, redelivered)
  }

  async #takeEarlier(): Promise<EventRow | undefined> {
    const { lastStored } = this.#options
    while (this.#isEarlier) {
      const row = this.#page.shift()
      if (row) {
        this.#lastTaken = row.eventId
        return row
      }
      this.#pages ??= this.#options.store.pages('events', { size: 100 })[Symbol.asyncIterator]()
      const { value, done } = await this.#pages.next().catch((error: unknown) => {
        // From the beginning, without those that were taken.
        this.#pages = undefined
        throw error
      })
      if (done) this.#isEarlier = false
      else this.#page = value.filter(({ eventId }) => eventId > this.#lastTaken && eventId <= lastStored)
    }
    return undefined
  }

  #give(row: EventRow, redelivered: boolean): AgentEvent {
    const { eventId } = row
    this.#open.add(eventId)
    let acknowledged: Promise<void> | undefined
    const ack = (options: AckOptions = {}) => {
      acknowledged ??= this.#options.ack(row, options).then(
        () => void this.#open.delete(eventId),
        (error) => {
          acknowledged = undefined
          throw error
        },
      )
      return acknowledged
    }
    return eventOf(row, redelivered, ack)
  }
}
