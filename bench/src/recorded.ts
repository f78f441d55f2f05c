// What the steps of an agent write, to be written again by the bare driver: that is what its speed is compared with.
import type { AgentStore } from '@smpkit/agent-store'

export interface Written {
  readonly text: string
  readonly values: readonly unknown[]
}

/** What one step of an agent writes: one call of `AgentStore.atomic`. */
export type RecordedStep = readonly Written[]

/** A database whose steps are recorded, and a copy of it to carry them out again. */
export interface RecordedStorage extends AsyncDisposable {
  open(): Promise<AgentStore>
  /** Makes the copy. Before, the store must be closed. */
  copy(): Promise<void>
  /** The steps since the copy was made, or since the last call. */
  take(): RecordedStep[]
  /** Carries them out on the copy, in their order, each in a transaction of its own. */
  replay(steps: readonly RecordedStep[]): Promise<void>
}

/** Collects the steps of a store: told of its statements one by one, each step between two of `begin` and `end`. */
export class Recorder {
  #steps: RecordedStep[] = []
  #step: Written[] = []

  begin(): void {
    this.#step = []
  }

  write(text: string, values: readonly unknown[]): void {
    this.#step.push({ text, values })
  }

  end(): void {
    if (this.#step.length > 0) this.#steps.push(this.#step)
    this.#step = []
  }

  take(): RecordedStep[] {
    return this.#steps.splice(0)
  }
}
