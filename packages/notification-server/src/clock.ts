// Time as the notification server sees it; tests give their own.

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Runs `run` once after so many milliseconds, unless the returned function is called before. */
  after(milliseconds: number, run: () => void): () => void
}

/** No timer of Node takes more. */
const longest = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, Math.min(Math.max(milliseconds, 0), longest))
    return () => clearTimeout(timer)
  },
}
