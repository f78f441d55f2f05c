// Spec 30 §6: the pushes that are owed: when each is due, and in which lane it stands.
import type { PushProvider } from '@smpkit/push-providers'
import type { Clock } from './clock.js'
import { DueQueue } from './due-queue.js'
import type { Entry, Lane } from './lane.js'
import { errorKind, type Logger } from './logger.js'
import { ProviderLanes } from './provider-lanes.js'
import type { OutboxRow } from './rows.js'

export interface OwedPushesOptions {
  readonly providers: readonly PushProvider[]
  readonly clock: Clock
  readonly logger: Logger
}

/** One entry for each token and kind: it waits until it is due, is ready in the lane of its destination, and is attempted from `take` on. */
export class OwedPushes {
  readonly providers: ReadonlyMap<string, ProviderLanes>
  readonly #options: OwedPushesOptions
  readonly #wake: () => void
  readonly #entries = new Map<string, Entry>()
  readonly #due: DueQueue<Entry>
  /** Providers that are not configured, and about which that was said. */
  readonly #missing = new Set<string>()
  #closed = false

  /** `wake`: `take` may have something to give. */
  constructor(options: OwedPushesOptions, wake: () => void) {
    const { providers, clock } = options
    this.#options = options
    this.#wake = wake
    this.providers = new Map(providers.map((one) => [one.name, new ProviderLanes(one, clock, wake)]))
    this.#due = new DueQueue(clock, (entry) => this.#makeReady(entry))
  }

  get size(): number {
    return this.#entries.size
  }

  get inFlight(): number {
    let inFlight = 0
    for (const lanes of this.providers.values()) inFlight += lanes.inFlight
    return inFlight
  }

  /** Since when the oldest one is owed, in milliseconds. */
  get oldest(): number | undefined {
    let oldest: number | undefined
    for (const { since } of this.#entries.values()) oldest = Math.min(oldest ?? since, since)
    return oldest
  }

  /** From now on nothing is added, nor ready. */
  close(): void {
    this.#closed = true
    this.#due.close()
    for (const lanes of this.providers.values()) lanes.close()
  }

  lanesOf({ lane }: Entry): ProviderLanes {
    return this.providers.get(lane.provider) as ProviderLanes
  }

  /** It is going to be owed: what is attempted now is not all of it. */
  expect(id: string): void {
    const entry = this.#entries.get(id)
    if (entry?.state === 'attempted') entry.again = true
  }

  /**
   * A row that is in the store. An entry that waits keeps its time, as a row does that is there already; one that was put may be due
   * `sooner`. Without the `device` token, where the push goes is found out when it is read.
   */
  add(row: OutboxRow, { device, sooner = false }: { device?: string | undefined; sooner?: boolean } = {}): void {
    if (this.#closed) return
    const { id, token, kind, provider, dueAt } = row
    const known = this.#entries.get(id)
    if (known?.state === 'attempted') {
      known.again = true
      return
    }
    const lane = this.#laneOf(provider, device)
    if (!lane) {
      if (known) this.#drop(known)
    } else if (!known) {
      const since = row.createdAt
      const entry: Entry = { id, token, kind, lane, state: 'waiting', due: undefined, since, again: false, failures: 0 }
      this.#entries.set(id, entry)
      this.lanesOf(entry).join(entry)
      this.#wait(entry, dueAt)
    } else if (known.lane.provider !== provider) {
      // A push that is ready for the provider that the device left would wait for that provider's other pushes.
      this.#move(known, lane)
      this.#wait(known, dueAt)
    } else if (sooner && known.due && dueAt < known.due.dueAt) this.#wait(known, dueAt)
  }

  /** Up to so many of those that are due and have a place in their lanes, until they are ended. Providers take turns. */
  take(limit: number): Entry[] {
    const taken: Entry[] = []
    const providers = new Set(this.#closed ? [] : this.providers.values())
    while (providers.size > 0 && taken.length < limit) {
      for (const lanes of providers) {
        const entry = lanes.take()
        if (!entry) providers.delete(lanes)
        else {
          entry.state = 'attempted'
          entry.again = false
          taken.push(entry)
        }
      }
    }
    return taken
  }

  /** Whether an attempted entry has a place where it goes to by its token: if not, it waits there for one. */
  place(entry: Entry, provider: string, deviceToken: string): boolean {
    const lane = this.#laneOf(provider, deviceToken)
    if (lane === entry.lane) return true
    this.lanesOf(entry).end(entry.lane)
    if (!lane) {
      this.#drop(entry)
      return false
    }
    this.#move(entry, lane)
    if (this.lanesOf(entry).takeFor(lane)) return true
    this.#makeReady(entry)
    return false
  }

  /** The attempt is over. `next`: when there is to be another one, or `null`. */
  end(entry: Entry, next: number | null): void {
    this.lanesOf(entry).end(entry.lane)
    const dueAt = next === null && entry.again ? this.#options.clock.now() : next
    if (dueAt === null || this.#closed) this.#drop(entry)
    else this.#wait(entry, dueAt)
    this.#wake()
  }

  /** `undefined` if the operator took the provider out of service: what is owed stays in the store until it is back. */
  #laneOf(provider: string, device: string | undefined): Lane | undefined {
    const { logger } = this.#options
    const lanes = this.providers.get(provider)
    if (!lanes && !this.#missing.has(provider)) {
      this.#missing.add(provider)
      logger.warn({ provider }, 'pushes are owed through a provider that is not configured')
    }
    try {
      return lanes?.laneOf(device)
    } catch (error) {
      logger.error({ provider, error: errorKind(error) }, 'a push provider does not know its own device token')
      return lanes?.laneOf(undefined)
    }
  }

  #move(entry: Entry, lane: Lane): void {
    this.lanesOf(entry).leave(entry)
    entry.lane = lane
    this.lanesOf(entry).join(entry)
  }

  #drop(entry: Entry): void {
    if (entry.due) this.#due.remove(entry.due)
    this.lanesOf(entry).leave(entry)
    this.#entries.delete(entry.id)
  }

  #wait(entry: Entry, dueAt: number): void {
    if (entry.due) this.#due.remove(entry.due)
    entry.state = 'waiting'
    if (dueAt <= this.#options.clock.now()) this.#makeReady(entry)
    else entry.due = this.#due.add(entry, dueAt)
  }

  #makeReady(entry: Entry): void {
    entry.due = undefined
    entry.state = 'ready'
    this.lanesOf(entry).ready(entry)
    this.#wake()
  }
}
