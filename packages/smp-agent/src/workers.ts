// Work that goes on in the background, one worker for each key; it waits, is woken, and ends with the agent.
import type { Clock } from '@smpkit/smp-client'

interface Worker {
  /** Something was added since it began its present round. */
  woken: boolean
  /** It shall not wait next time. */
  urgent: boolean
  /** Ends its present wait. */
  stopWaiting: (() => void) | undefined
  done: Promise<void>
}

export interface Turn {
  readonly signal: AbortSignal
  /** Waits so many milliseconds, or until somebody wakes the worker urgently or the agent is closed. */
  wait(milliseconds: number): Promise<void>
}

/** Runs `work` for a key, again as long as it is woken meanwhile. There is an entry only while a worker runs. `onIdle`: all wait or have ended. */
export class Workers {
  readonly #workers = new Map<string, Worker>()
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #onError: (error: unknown) => void
  readonly #onIdle: () => void

  constructor(clock: Clock, signal: AbortSignal, onError: (error: unknown) => void, onIdle: () => void = () => {}) {
    this.#clock = clock
    this.#signal = signal
    this.#onError = onError
    this.#onIdle = onIdle
    signal.addEventListener('abort', () => this.wakeAll())
  }

  /** `urgent`: a wait that it is in ends. Otherwise it sees what is new when it comes to it. */
  wake(key: string, work: (turn: Turn) => Promise<void>, { urgent = false } = {}): void {
    if (this.#signal.aborted) return
    const running = this.#workers.get(key)
    if (running) {
      running.woken = true
      if (urgent && running.stopWaiting) running.stopWaiting()
      else if (urgent) running.urgent = true
      return
    }
    const worker: Worker = { woken: false, urgent: false, stopWaiting: undefined, done: Promise.resolve() }
    this.#workers.set(key, worker)
    worker.done = this.#run(key, worker, work)
  }

  /** What waits tries again at once: a server is back. */
  wakeAll(): void {
    for (const worker of this.#workers.values()) worker.stopWaiting?.()
  }

  async #run(key: string, worker: Worker, work: (turn: Turn) => Promise<void>): Promise<void> {
    const turn = { signal: this.#signal, wait: (milliseconds: number) => this.#wait(worker, milliseconds) }
    try {
      do {
        worker.woken = false
        await work(turn)
      } while (worker.woken && !this.#signal.aborted)
    } catch (error) {
      if (!this.#signal.aborted) this.#onError(error)
    } finally {
      this.#workers.delete(key)
      if (!this.areBusy) this.#onIdle()
    }
  }

  #wait(worker: Worker, milliseconds: number): Promise<void> {
    const { urgent } = worker
    worker.urgent = false
    if (this.#signal.aborted || urgent) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(() => worker.stopWaiting?.(), milliseconds)
      worker.stopWaiting = () => {
        worker.stopWaiting = undefined
        cancel()
        resolve()
      }
      if (!this.areBusy) this.#onIdle()
    })
  }

  /** Whether one of them does something else than to wait. */
  get areBusy(): boolean {
    return [...this.#workers.values()].some(({ stopWaiting }) => !stopWaiting)
  }

  /** Settles when all have ended. */
  async ended(): Promise<void> {
    await Promise.all([...this.#workers.values()].map(({ done }) => done))
  }
}
