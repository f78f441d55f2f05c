// Spec 04 §10: how many servers connect at the same time, and in which order.

interface Waiting {
  readonly failing: boolean
  go(): void
}

/**
 * Turns to connect. Servers that failed last time have half of them at most, and go last: attempts that run into their
 * time-outs, however many, do not keep the others waiting.
 */
export class ConnectTurns {
  readonly #max: number
  readonly #maxFailing: number
  #taken = 0
  #failing = 0
  readonly #waiting = new Set<Waiting>()

  constructor(max: number) {
    this.#max = max
    this.#maxFailing = Math.max(1, Math.floor(max / 2))
  }

  /** Resolves with what to call when the turn is over; at once, without a turn, when `signal` aborts. */
  take(failing: boolean, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve) => {
      const waiting = {
        failing,
        go: () => {
          signal.removeEventListener('abort', giveUp)
          this.#waiting.delete(waiting)
          this.#taken++
          if (failing) this.#failing++
          resolve(() => this.#release(failing))
        },
      }
      const giveUp = () => {
        this.#waiting.delete(waiting)
        resolve(() => {})
      }
      if (signal.aborted) return giveUp()
      this.#waiting.add(waiting)
      signal.addEventListener('abort', giveUp, { once: true })
      this.#next()
    })
  }

  #release(failing: boolean): void {
    this.#taken--
    if (failing) this.#failing--
    this.#next()
  }

  #next(): void {
    for (const failing of [false, true]) {
      for (const waiting of this.#waiting) {
        if (this.#taken >= this.#max || (failing && this.#failing >= this.#maxFailing)) return
        if (waiting.failing === failing) waiting.go()
      }
    }
  }
}
