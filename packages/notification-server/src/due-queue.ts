// One timer for any number of things that are due at some time.
import type { Clock } from './clock.js'

interface Entry<T> {
  readonly dueAt: number
  readonly item: T
}

/** A binary heap by time, and a timer for its first entry. `run` gets each item once, at or after its time. */
export class DueQueue<T> {
  readonly #heap: Entry<T>[] = []
  #cancel: (() => void) | undefined
  /** When the timer goes off; its entry is the first one, or was. */
  #timerAt = Number.POSITIVE_INFINITY
  #closed = false

  constructor(
    readonly clock: Clock,
    readonly run: (item: T) => void,
  ) {}

  add(item: T, dueAt: number): void {
    if (this.#closed) return
    const heap = this.#heap
    let at = heap.push({ item, dueAt }) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((heap[parent] as Entry<T>).dueAt <= dueAt) break
      swap(heap, at, parent)
      at = parent
    }
    this.#arm()
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
      this.#removeFirst()
      this.run(first.item)
    }
    if (!this.#closed) this.#arm()
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop() as Entry<T>
    if (heap.length === 0) return
    heap[0] = last
    let at = 0
    for (;;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        const entry = heap[child]
        if (entry && entry.dueAt < (heap[least] as Entry<T>).dueAt) least = child
      }
      if (least === at) return
      swap(heap, at, least)
      at = least
    }
  }
}

function swap<T>(heap: T[], a: number, b: number): void {
  const entry = heap[a] as T
  heap[a] = heap[b] as T
  heap[b] = entry
}
