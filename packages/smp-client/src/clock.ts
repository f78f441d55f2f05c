// Time as sessions and pools see it; tests give their own.

export interface Clock {
  /** Milliseconds; only differences count. */
  now(): number
  /** Runs `run` once after so many milliseconds, unless the returned function is called before. */
  after(milliseconds: number, run: () => void): () => void
}

/** No timer of any platform takes more. */
const longest = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, Math.min(milliseconds, longest))
    return () => clearTimeout(timer)
  },
}

const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => void }

/** Lets everything else that is ready run first: work that takes long is done in pieces. */
export const yieldToOthers: () => Promise<void> = setImmediate
  ? () => new Promise((resolve) => setImmediate(resolve))
  : () => new Promise((resolve) => setTimeout(resolve, 0))

/** Resolves after a while, or at once when `cancel` is called. */
export function sleep(clock: Clock, milliseconds: number): { done: Promise<void>; cancel: () => void } {
  let cancel = () => {}
  const done = new Promise<void>((resolve) => {
    const stop = clock.after(milliseconds, resolve)
    cancel = () => {
      stop()
      resolve()
    }
  })
  return { done, cancel }
}
