// Spec 03 §1: everything that waits for a peer has its time.
import { setMaxListeners } from 'node:events'
import { SmpTransportError } from './errors.js'

/** In milliseconds, about 25 days: Node fires a timer of more at once. */
export const longestTimer = 2 ** 31 - 1

export interface Deadline {
  /** What is waited for, for the message: `the handshake`. */
  what: string
  milliseconds: number
  signal: AbortSignal | undefined
}

/** @throws SmpTransportError `ABORTED` */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal)
}

function aborted(signal: AbortSignal): SmpTransportError {
  return new SmpTransportError('ABORTED', 'aborted by the caller', { cause: signal.reason })
}

/**
 * Waits for `start`, but no longer than the deadline and the caller's signal allow. `start` gets a signal that tells it
 * to give up what it holds; what it does after that is not waited for.
 * @throws SmpTransportError `TIMEOUT`, `ABORTED`
 */
export async function within<T>(deadline: Deadline, start: (cancelled: AbortSignal) => Promise<T>): Promise<T> {
  const { what, milliseconds, signal } = deadline
  throwIfAborted(signal)
  const controller = new AbortController()
  let stop: (error: SmpTransportError) => void = () => {}
  const stopped = new Promise<never>((_, reject) => {
    stop = (error) => {
      reject(error)
      controller.abort(error)
    }
  })
  const onAbort = () => stop(aborted(signal as AbortSignal))
  if (signal) {
    // Many connections may share it; each takes its listener away again.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', onAbort, { once: true })
  }
  const timer = setTimeout(
    () => stop(new SmpTransportError('TIMEOUT', `${what} took longer than ${milliseconds} ms`)),
    Math.min(milliseconds, longestTimer),
  )
  try {
    return await Promise.race([start(controller.signal), stopped])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
