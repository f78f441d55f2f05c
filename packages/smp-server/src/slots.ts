/** Lets a number of tasks run at a time; others wait for their turn. */
export class Slots {
  readonly #waiting: (() => void)[] = []
  #free: number
  #wake: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** Runs the task now or when a slot is free. It must not reject. */
  run(task: () => Promise<void>): void {
    const start = () => {
      this.#free--
      void task().finally(() => {
        this.#free++
        const next = this.#waiting.shift()
        if (next) next()
        else this.#release()
      })
    }
    if (this.#free > 0) start()
    else this.#waiting.push(start)
  }

  /** Settles when a task would run at once. */
  room(): Promise<void> | undefined {
    if (this.#free > 0) return undefined
    return new Promise((resolve) => this.#wake.push(resolve))
  }

  /** Drops the tasks that wait, and lets nobody wait for room. */
  end(): void {
    this.#waiting.length = 0
    this.#release()
  }

  #release(): void {
    for (const resolve of this.#wake.splice(0)) resolve()
  }
}
