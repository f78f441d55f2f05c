// What every benchmark shares: rounds of ours and of the limit in turn, and the ratio of their medians.

/** One row of the table. Rates are in `unit` per second, or amounts where `unit` says so. */
export interface Row {
  readonly name: string
  readonly ours: number
  /** `null` where there is nothing to compare with: `ours` is reported. */
  readonly limit: number | null
  readonly unit: string
  /** Ours divided by the limit. */
  readonly ratio: number | null
  /** What the project demands of `ratio`, or of `ours` where `atMost` says so. */
  readonly atLeast?: number
  readonly atMost?: number
  readonly note?: string
}

export interface Bench {
  readonly name: string
  run(progress: (text: string) => void): Promise<Row[]>
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

/** Calls of `work` per second, for at least `ms` milliseconds. */
function rate(work: () => void, ms: number): number {
  let calls = 0
  const start = performance.now()
  let elapsed = 0
  while (elapsed < ms) {
    for (let i = 0; i < 16; i++) work()
    calls += 16
    elapsed = performance.now() - start
  }
  return (calls * 1000) / elapsed
}

/** Measures two pieces of synchronous work in turns, so that both see the same machine. */
export function compare(ours: () => void, limit: () => void, rounds = 9, ms = 200): { ours: number; limit: number } {
  rate(ours, ms)
  rate(limit, ms)
  const rates = Array.from({ length: rounds }, () => ({ ours: rate(ours, ms), limit: rate(limit, ms) }))
  return { ours: median(rates.map((r) => r.ours)), limit: median(rates.map((r) => r.limit)) }
}

export function row(
  name: string,
  unit: string,
  { ours, limit }: { ours: number; limit: number },
  atLeast?: number,
  note?: string,
): Row {
  return { name, unit, ours, limit, ratio: ours / limit, ...(atLeast && { atLeast }), ...(note && { note }) }
}
