// How far a client has got, and who is told of it.
import type { NotificationClientError } from './errors.js'

export interface NotificationStatus {
  /**
   * `connecting`: the server has not let us in yet. `noDevice`: `setDevice` is waited for. `registering`: the server does not have the
   * device's token yet. `verifying`: a push with a code is on its way to the device. `subscribing`: pushes come, not yet of all
   * connections. `ready`: both sides agree. `off`: after `unregister` or `close`.
   */
  readonly phase: 'connecting' | 'noDevice' | 'registering' | 'verifying' | 'subscribing' | 'ready' | 'off'
  /** Connections with notifications, and those of them that the server was told of. */
  readonly wanted: number
  readonly subscribed: number
  /** What stands in the way, for now or until something is changed. */
  readonly problem: NotificationClientError | null
}

export class StatusHolder {
  #current: NotificationStatus = { phase: 'connecting', wanted: 0, subscribed: 0, problem: null }
  readonly #waiting = new Set<() => void>()
  #isEnded = false

  get current(): NotificationStatus {
    return this.#current
  }

  set(changes: Partial<NotificationStatus>): void {
    const next = { ...this.#current, ...changes }
    const names = Object.keys(next) as (keyof NotificationStatus)[]
    if (names.every((name) => next[name] === this.#current[name])) return
    this.#current = next
    this.#wake()
  }

  end(): void {
    this.set({ phase: 'off' })
    this.#isEnded = true
    this.#wake()
  }

  /** The present one, then each newer one; what was replaced before it was read is left out. Ends with the client. @throws the signal's reason */
  async *changes(signal?: AbortSignal): AsyncGenerator<NotificationStatus, undefined> {
    for (let last: NotificationStatus | undefined; ; ) {
      signal?.throwIfAborted()
      if (last !== this.#current) {
        last = this.#current
        yield last
      } else if (this.#isEnded) {
        return undefined
      } else {
        await this.#changed(signal)
      }
    }
  }

  #changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#waiting.delete(end)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      this.#waiting.add(end)
      signal?.addEventListener('abort', end)
    })
  }

  #wake(): void {
    for (const resolve of [...this.#waiting]) resolve()
  }
}
