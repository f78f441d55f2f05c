// Time, given from outside: a test moves it by hand.

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Calls back once after `delay` milliseconds; the result cancels it. */
  schedule(callback: () => void, delay: number): () => void
}

/** The system's time. Its timers do not keep a process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(callback, delay) {
    const timer = setTimeout(callback, delay)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

interface Timer {
  readonly callback: () => void
  readonly at: number
}

/** A clock that stands still until `advance`. */
export class ManualClock implements Clock {
  #now: number
  readonly #timers = new Set<Timer>()

  constructor(now: number = Date.UTC(2026, 0, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  schedule(callback: () => void, delay: number): () => void {
    const timer = { callback, at: this.#now + delay }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Moves the time on and calls, each at its own time, what falls due on the way. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#now = next.at
      this.#timers.delete(next)
      next.callback()
    }
    this.#now = end
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer
    return first
  }
}

/** A clock whose callbacks may throw: a fault in one must not end the process. */
export function guarded(clock: Clock, onError: (error: unknown) => void): Clock {
  const guard = (callback: () => void) => () => {
    try {
      callback()
    } catch (error) {
      onError(error)
    }
  }
  return { now: () => clock.now(), schedule: (callback, delay) => clock.schedule(guard(callback), delay) }
}

/** Calls back again and again; the result ends it. */
export function every(clock: Clock, interval: number, callback: () => void): () => void {
  let cancel = () => {}
  const arm = () => {
    cancel = clock.schedule(() => {
      arm()
      callback()
    }, interval)
  }
  arm()
  return () => cancel()
}
