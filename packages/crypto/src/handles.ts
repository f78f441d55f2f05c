// A native handle is fifty times larger than its key: their number is bounded.

/**
 * How many keys have a handle at a time. Few enough that a handle which falls out is still young: what the garbage collector
 * has once moved to its old generation stays there for long, and it does not see how large the native part is.
 */
export const handleLimit = 1024

/** Remembers the last `handleLimit` keys that made a handle; the one before them loses its own. */
export class HandleRing<K extends object> {
  // Weak, so that a key that nobody uses any more does not wait here for its turn.
  readonly #keys: (WeakRef<K> | undefined)[] = []
  readonly #dropHandle: (key: K) => void
  #next = 0

  /** A key whose handle was dropped makes it anew when it is used, and comes here again. */
  constructor(dropHandle: (key: K) => void) {
    this.#dropHandle = dropHandle
  }

  add(key: K): void {
    const oldest = this.#keys[this.#next]?.deref()
    if (oldest) this.#dropHandle(oldest)
    this.#keys[this.#next] = new WeakRef(key)
    this.#next = (this.#next + 1) % handleLimit
  }
}
