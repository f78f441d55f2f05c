// Spec 22 §9: how many pushes ended how, and what providers answered lately.
import type { PushKind, PushOutcome } from '@smpkit/push-providers'

export interface PushCount {
  readonly provider: string
  readonly kind: PushKind
  readonly outcome: PushOutcome['outcome']
  /** Empty for accepted ones. `other` stands for all that come after the first 50 of a provider. */
  readonly reason: string
  readonly count: number
}

export interface LastAnswer {
  readonly provider: string
  readonly outcome: PushOutcome['outcome']
  readonly reason: string
  /** In milliseconds since 1970. */
  readonly at: number
}

/** They become labels of metrics, each of which costs memory there for ever. */
const maxReasons = 50

const reasonOf = (outcome: PushOutcome): string => (outcome.outcome === 'accepted' ? '' : outcome.reason)

export class PushCounters {
  readonly #counts = new Map<string, { -readonly [K in keyof PushCount]: PushCount[K] }>()
  readonly #reasons = new Map<string, Set<string>>()
  readonly #lastAnswers = new Map<string, LastAnswer>()

  add(provider: string, kind: PushKind, outcome: PushOutcome, at: number): void {
    const reason = this.#bounded(provider, reasonOf(outcome))
    const key = JSON.stringify([provider, kind, outcome.outcome, reason])
    const known = this.#counts.get(key)
    if (known) known.count++
    else this.#counts.set(key, { provider, kind, outcome: outcome.outcome, reason, count: 1 })
    this.#lastAnswers.set(provider, { provider, outcome: outcome.outcome, reason, at })
  }

  get counts(): readonly PushCount[] {
    return [...this.#counts.values()].map((count) => ({ ...count }))
  }

  get lastAnswers(): readonly LastAnswer[] {
    return [...this.#lastAnswers.values()]
  }

  #bounded(provider: string, reason: string): string {
    const reasons = this.#reasons.get(provider) ?? new Set()
    if (reason === '' || reasons.has(reason)) return reason
    if (reasons.size >= maxReasons) return 'other'
    this.#reasons.set(provider, reasons.add(reason))
    return reason
  }
}
