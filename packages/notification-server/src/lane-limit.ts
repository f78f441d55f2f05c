// Spec 24 §3 W20, W21: how many pushes a destination takes at once, learned from its answers. Pure functions.

export interface LaneLimit {
  /** So many, rounded down. */
  readonly allowed: number
  /** From here on it grows slowly: not far above, it was too much. */
  readonly careful: number
  /** Answers to pushes of an earlier round say nothing about the present limit. */
  readonly round: number
  /** Of the last `allowed` answers at most, and how many of them were failures. */
  readonly answered: number
  readonly failed: number
}

export const firstLimit: LaneLimit = {
  allowed: 8,
  careful: Number.POSITIVE_INFINITY,
  round: 0,
  answered: 0,
  failed: 0,
}

/** Of so many answers one failure is no sign of load: providers refuse single devices too. */
const tolerated = 10

export interface Answered {
  /** The limit's when the push left. */
  readonly round: number
  /** A time-out, or an answer that asks for another attempt. */
  readonly failed: boolean
  /** Whether the limit was needed: otherwise nothing shows that more would be taken. */
  readonly used: boolean
}

/** Grows by one for each answer at first, then by one for each round trip; failures halve it once for each round trip. */
export function afterAnswer(limit: LaneLimit, { round, failed, used }: Answered, most: number): LaneLimit {
  if (round !== limit.round) return limit
  const next = { ...limit, answered: limit.answered + 1, failed: limit.failed + (failed ? 1 : 0) }
  if (failed && next.failed * tolerated >= limit.allowed) return halved(limit)
  const grown = limit.allowed + (limit.allowed < limit.careful ? 1 : 1 / limit.allowed)
  // The most may have become less.
  if (!failed && used) next.allowed = Math.max(limit.allowed, Math.min(grown, most))
  if (next.answered >= limit.allowed) return { ...next, answered: 0, failed: 0 }
  return next
}

function halved({ allowed, round }: LaneLimit): LaneLimit {
  const half = Math.max(1, allowed / 2)
  return { allowed: half, careful: half, round: round + 1, answered: 0, failed: 0 }
}

/** After a pause it begins as at first: what is there now may take less. */
export function afterPause({ careful, round }: LaneLimit): LaneLimit {
  return { ...firstLimit, careful, round: round + 1 }
}

export const allowedOf = ({ allowed }: LaneLimit, most: number): number =>
  Math.max(1, Math.floor(Math.min(allowed, most)))
