// Time as the client sees it; tests give their own.

export interface Clock {
  /** Calls back once after `delay` milliseconds; the result cancels it. */
  schedule(callback: () => void, delay: number): () => void
}

export const systemClock: Clock = {
  schedule(callback, delay) {
    const timer = setTimeout(callback, delay)
    return () => clearTimeout(timer)
  },
}
