// A native handle is fifty times larger than its key: their number is bounded.

/** How many keys have a handle at a time. */
export const handleLimit = 8192

/** Holds the handle of one key, or nothing. */
export interface HandleOwner {
  dropHandle(): void
}

const ring: (WeakRef<HandleOwner> | undefined)[] = []
let next = 0

/** Counts a handle that was just made; the owner of the oldest one drops its own and makes it anew when needed. */
export function countHandle(owner: HandleOwner): void {
  ring[next]?.deref()?.dropHandle()
  // Weak, so that a key that nobody uses any more does not wait here for its turn.
  ring[next] = new WeakRef(owner)
  next = (next + 1) % handleLimit
}
