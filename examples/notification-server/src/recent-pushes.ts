// What the providers answered lately: the counts since the start, and the last answer of each kind.
import type { PushReport } from '@smpkit/notification-server'

export interface Answered {
  readonly provider: string
  readonly outcome: string
  /** Empty for what was accepted. */
  readonly reason: string
  readonly count: number
  /** When it was answered last, in milliseconds. */
  readonly at: number
}

export interface RecentPushes {
  add(report: PushReport): void
  list(): readonly Answered[]
}

export function createRecentPushes(now: () => number = Date.now): RecentPushes {
  // Reasons are from a small set, so this is bounded.
  const all = new Map<string, Answered>()
  return {
    add({ provider, outcome }) {
      const reason = 'reason' in outcome ? outcome.reason : ''
      const key = `${provider} ${outcome.outcome} ${reason}`
      const count = (all.get(key)?.count ?? 0) + 1
      all.set(key, { provider, outcome: outcome.outcome, reason, count, at: now() })
    },
    list: () =>
      [...all.values()].sort((a, b) => (a.provider < b.provider ? -1 : a.provider > b.provider ? 1 : b.at - a.at)),
  }
}
