// One timer for any number of things that are due at some time.
import type { Clock } from './clock.js'

/** The place of one item in the queue. */
export interface Due<T> {
  readonly item: T
  readonly dueAt: number
  /** Where it stands in the heap; -1 when it is no longer there. */
  at: number
}

/** A binary heap by time, and a timer for its first entry. `run` gets each item once, at or after its time, unless it was removed. */
export class DueQueue<T> {
  readonly #heap: Due<T>[] = []
  #cancel: (() => void) | undefined
  /** When the timer goes off; its entry is the first one, or was. */
  #timerAt = Number.POSITIVE_INFINITY
  #closed = false

  constructor(
    readonly clock: Clock,
    readonly run: (item: T) => void,
  ) {}

  get size(): number {
    return this.#heap.length
  }

  add(item: T, dueAt: number): Due<T> {
    const due: Due<T> = { item, dueAt, at: -1 }
    if (this.#closed) return due
    this.#place(due, this.#heap.length)
    this.#up(due)
    this.#arm()
    return due
  }

  remove(due: Due<T>): void {
    const { at } = due
    if (at < 0) return
    due.at = -1
    const last = this.#heap.pop() as Due<T>
    if (last === due) return
    this.#place(last, at)
    this.#up(last)
    this.#down(last)
  }

  close(): void {
    this.#closed = true
    this.#heap.length = 0
    this.#cancel?.()
  }

  #arm(): void {
    const first = this.#heap[0]
    if (!first || first.dueAt >= this.#timerAt) return
    this.#cancel?.()
    this.#timerAt = first.dueAt
    this.#cancel = this.clock.schedule(() => this.#fire(), Math.max(0, first.dueAt - this.clock.now()))
  }

  #fire(): void {
    this.#cancel = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.clock.now()
    while (!this.#closed) {
      const first = this.#heap[0]
      if (!first || first.dueAt > now) break
      this.remove(first)
      this.run(first.item)
    }
    if (!this.#closed) this.#arm()
  }

  #place(due: Due<T>, at: number): void {
    this.#heap[at] = due
    due.at = at
  }

  #swap(a: Due<T>, b: Due<T>): void {
    const { at } = a
    this.#place(a, b.at)
    this.#place(b, at)
  }

  #up(due: Due<T>): void {
    for (;;) {
      const parent = due.at > 0 ? this.#heap[(due.at - 1) >> 1] : undefined
      if (!parent || parent.dueAt <= due.dueAt) return
      this.#swap(due, parent)
    }
  }

  #down(due: Due<T>): void {
    for (;;) {
      let least = due
      for (const at of [2 * due.at + 1, 2 * due.at + 2]) {
        const child = this.#heap[at]
        if (child && child.dueAt < least.dueAt) least = child
      }
      if (least === due) return
      this.#swap(due, least)
    }
  }
}
