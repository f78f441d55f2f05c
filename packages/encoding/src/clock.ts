// Time as clients see it; tests give their own.

export interface Clock {
  /** Milliseconds; only differences count. */
  now(): number
  /** Calls back once after `delay` milliseconds; the result cancels it. */
  schedule(callback: () => void, delay: number): () => void
}

/** No timer of any platform takes more. */
const longest = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(callback, delay) {
    const timer = setTimeout(callback, Math.min(delay, longest))
    return () => clearTimeout(timer)
  },
}

const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => void }

/** Lets everything else that is ready run first: work that takes long is done in pieces. */
export const yieldToOthers: () => Promise<void> = setImmediate
  ? () => new Promise((resolve) => setImmediate(resolve))
  : () => new Promise((resolve) => setTimeout(resolve, 0))

/** Resolves after a while, or at once when `signal` aborts. */
export function sleep(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds <= 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const onAbort = () => {
      stop()
      resolve()
    }
    const stop = clock.schedule(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, milliseconds)
    signal.addEventListener('abort', onAbort)
  })
}

/** The same promise, for so many milliseconds; then it rejects with `error()`. */
export function within<T>(clock: Clock, milliseconds: number, promise: Promise<T>, error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(() => reject(error()), milliseconds)
    promise.then(resolve, reject).finally(cancel)
  })
}
