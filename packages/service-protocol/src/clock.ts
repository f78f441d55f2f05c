// Time as the client sees it; tests give their own.

export interface Clock {
  /** Calls back once after `delay` milliseconds; the result cancels it. */
  schedule(callback: () => void, delay: number): () => void
}

/** No timer of any platform takes more. */
const longest = 2 ** 31 - 1

export const systemClock: Clock = {
  schedule(callback, delay) {
    const timer = setTimeout(callback, Math.min(delay, longest))
    return () => clearTimeout(timer)
  },
}
