// design.md §2: nothing below has it. Abort signals that very many may listen to.

const listenersOf = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `listener` once when the signal aborts; the result cancels it. One event listener for each signal, however many
 * wait: platforms warn of more than a few.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (!signal) return () => {}
  const listeners = listenersOf.get(signal) ?? new Set()
  if (!listenersOf.has(signal)) {
    listenersOf.set(signal, listeners)
    signal.addEventListener('abort', () => listeners.forEach((one) => void one()), { once: true })
  }
  // The same function may be given twice.
  const own = () => listener()
  listeners.add(own)
  return () => listeners.delete(own)
}
