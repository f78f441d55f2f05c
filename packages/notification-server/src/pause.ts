// A wait that ends early when whoever waits is to end.
import type { Clock } from './clock.js'

/** Settles after so many milliseconds, or when the signal aborts. */
export async function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  let stop = () => {}
  await new Promise<void>((resolve) => {
    const cancel = clock.schedule(resolve, milliseconds)
    stop = () => {
      cancel()
      resolve()
    }
    signal.addEventListener('abort', stop)
  })
  signal.removeEventListener('abort', stop)
}
