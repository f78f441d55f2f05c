// How long to wait before something is tried again.
import type { Clock } from '@smpkit/service-protocol'

/** Milliseconds. */
const first = 5000
const longest = 15 * 60_000

/** Doubles with each attempt; half of it is at random, so that clients do not come back all at once. */
export function backOff(attempt: number, random: () => number): number {
  return Math.min(longest, first * 2 ** Math.min(attempt, 20)) * (0.5 + random() / 2)
}

/** Settles after so many milliseconds, or when one of the signals aborts. */
export function pause(clock: Clock, milliseconds: number, ...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel()
      for (const signal of signals) signal.removeEventListener('abort', end)
      resolve()
    }
    // Longer delays would fire at once.
    const cancel = clock.schedule(end, Math.min(milliseconds, 2 ** 31 - 1))
    for (const signal of signals) signal.addEventListener('abort', end)
    if (signals.some(({ aborted }) => aborted)) end()
  })
}
