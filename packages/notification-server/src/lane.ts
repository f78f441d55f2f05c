// Spec 24 §3 W20, W21: the pushes to one destination of a provider.
import type { PushKind, PushOutcome } from '@smpkit/push-providers'
import type { Due } from './due-queue.js'
import { afterAnswer, afterPause, allowedOf, firstLimit } from './lane-limit.js'

/** An owed push in memory: one for each token and kind. */
export interface Entry {
  readonly id: string
  readonly token: string
  readonly kind: PushKind
  lane: Lane
  state: 'waiting' | 'ready' | 'attempted'
  /** Its place among those that wait. */
  due: Due<Entry> | undefined
  /** Since when it is owed. */
  since: number
  /** Owed once more while it was attempted. */
  again: boolean
  /** How often in a row the store failed it. */
  failures: number
}

export interface Pause {
  readonly afterMs: number
  readonly before: number
}

export class Lane {
  readonly provider: string
  /** `null`: of pushes whose destination is not known before their token was read. */
  readonly destination: string | null
  /** Those that are due, in their order. */
  readonly ready = new Set<Entry>()
  inFlight = 0
  /** Entries that belong to it, in whatever state. */
  owed = 0
  /** The end of its pause. */
  pause: Due<Lane> | undefined
  /** One push shows whether a pause is over. */
  #state: 'open' | 'paused' | 'probing' = 'open'
  #limit = firstLimit
  /** How many pauses there were in a row. */
  #pauses = 0

  constructor(provider: string, destination: string | null) {
    this.provider = provider
    this.destination = destination
  }

  /** To be told to `answered`. */
  get round(): number {
    return this.#limit.round
  }

  /** `most`: of the provider. */
  hasRoom(most: number): boolean {
    if (this.#state === 'paused') return false
    if (this.#state === 'probing') return this.inFlight === 0
    return this.destination === null || this.inFlight < allowedOf(this.#limit, most)
  }

  /**
   * Learns from the answer to a push that is still counted as in flight. The result says that a pause begins now, how long it is to
   * last at least, and how many came right before it.
   */
  answered(outcome: PushOutcome, round: number, most: number): Pause | undefined {
    // Those that left together fail together: that is one pause, and one sign of load.
    if (round !== this.#limit.round) return undefined
    if (outcome.outcome === 'retry' && outcome.all) {
      this.#state = 'paused'
      this.#limit = afterPause(this.#limit)
      return { afterMs: outcome.afterMs, before: this.#pauses++ }
    }
    this.#state = 'open'
    this.#pauses = 0
    const used = this.inFlight * 2 > allowedOf(this.#limit, most)
    this.#limit = afterAnswer(this.#limit, { round, failed: outcome.outcome === 'retry', used }, most)
    return undefined
  }

  endPause(): void {
    this.pause = undefined
    this.#state = 'probing'
  }
}
