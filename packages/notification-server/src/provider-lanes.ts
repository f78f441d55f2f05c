// Spec 24 §3 W20, W21: the pushes of one provider. Destinations take turns, and none takes all places.
import type { PushProvider } from '@smpkit/push-providers'
import type { Clock } from './clock.js'
import { DueQueue } from './due-queue.js'
import { type Entry, Lane } from './lane.js'

/** Destinations without pushes that are remembered, for what was learned about them. */
const maxIdle = 256

/** Where all pushes go of a provider that has no destinations. */
const onlyDestination = ''

export class ProviderLanes {
  readonly provider: PushProvider
  inFlight = 0
  readonly #lanes = new Map<string, Lane>()
  readonly #unknown: Lane
  /** Those that may have a push to begin and room for it, in turn. */
  readonly #open = new Set<Lane>()
  readonly #idle = new Set<Lane>()
  readonly #pauses: DueQueue<Lane>

  /** `wake`: pushes may begin. */
  constructor(provider: PushProvider, clock: Clock, wake: () => void) {
    this.provider = provider
    this.#unknown = new Lane(provider.name, null)
    this.#pauses = new DueQueue(clock, (lane) => {
      lane.endPause()
      this.#reopen(lane)
      wake()
    })
  }

  /** Destinations that are known, and how many of them pause. */
  get counts(): { readonly lanes: number; readonly paused: number } {
    return { lanes: this.#lanes.size, paused: this.#pauses.size }
  }

  close(): void {
    this.#pauses.close()
  }

  /** Without a device token, of pushes whose destination is not known yet. */
  laneOf(deviceToken: string | undefined): Lane {
    const { provider } = this
    if (deviceToken === undefined && provider.destinationOf) return this.#unknown
    const destination = deviceToken === undefined ? undefined : provider.destinationOf?.(deviceToken)
    return this.#lane(destination ?? onlyDestination)
  }

  #lane(destination: string): Lane {
    const known = this.#lanes.get(destination)
    if (known) return known
    const lane = new Lane(this.provider.name, destination)
    this.#lanes.set(destination, lane)
    this.#rest(lane)
    return lane
  }

  /** The entry belongs to its lane from now on. */
  join({ lane }: Entry): void {
    lane.owed++
    this.#idle.delete(lane)
  }

  leave(entry: Entry): void {
    const { lane } = entry
    lane.ready.delete(entry)
    lane.owed--
    if (lane.owed === 0 && lane !== this.#unknown) this.#rest(lane)
  }

  /** Nothing is owed there now. */
  #rest(lane: Lane): void {
    this.#idle.add(lane)
    for (const idle of this.#idle) {
      if (this.#idle.size <= maxIdle) return
      this.#forget(idle)
    }
  }

  #forget(lane: Lane): void {
    this.#idle.delete(lane)
    this.#open.delete(lane)
    if (lane.pause) this.#pauses.remove(lane.pause)
    if (lane.destination !== null) this.#lanes.delete(lane.destination)
  }

  /** It is due. */
  ready(entry: Entry): void {
    entry.lane.ready.add(entry)
    this.#reopen(entry.lane)
  }

  /** The next one to begin, if there is one. It takes a place until `end`. */
  take(): Entry | undefined {
    const lane = this.#next()
    const [entry] = lane?.ready ?? []
    if (!lane || !entry) return undefined
    lane.ready.delete(entry)
    this.#begin(lane)
    // The others first.
    this.#open.delete(lane)
    this.#reopen(lane)
    return entry
  }

  #next(): Lane | undefined {
    const free = this.#free
    if (free <= 0) return undefined
    // Its entries are only told apart by it.
    if (this.#unknown.ready.size > 0) return this.#unknown
    for (const lane of this.#open) {
      if (lane.ready.size === 0 || !lane.hasRoom(this.provider.maxConcurrent)) this.#open.delete(lane)
      else if (this.#mayTake(lane, free)) return lane
    }
    return undefined
  }

  /** A place in this lane as well, for an entry that has one for reading already. */
  takeFor(lane: Lane): boolean {
    if (!lane.hasRoom(this.provider.maxConcurrent) || !this.#mayTake(lane, this.#free)) return false
    this.#begin(lane)
    return true
  }

  get #free(): number {
    return this.provider.maxConcurrent - this.inFlight
  }

  /** Whatever others have taken, something stays free: for a destination that has nothing in flight. */
  #mayTake(lane: Lane, free: number): boolean {
    return this.provider.destinationOf ? lane.inFlight < free : free > 0
  }

  #begin(lane: Lane): void {
    lane.inFlight++
    this.inFlight++
  }

  /** The place is free. */
  end(lane: Lane): void {
    lane.inFlight--
    this.inFlight--
    this.#reopen(lane)
  }

  pause(lane: Lane, until: number): void {
    if (lane.pause) this.#pauses.remove(lane.pause)
    lane.pause = this.#pauses.add(lane, until)
  }

  #reopen(lane: Lane): void {
    if (lane.ready.size > 0 && lane !== this.#unknown) this.#open.add(lane)
  }
}
