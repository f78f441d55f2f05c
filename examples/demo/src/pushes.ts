// What push providers get, in lines of the walk; then the phone has it.
import type { NotificationData, PushKind } from '@smpkit/push-providers/payload'
import { Inbox } from './inbox.js'
import type { Report } from './report.js'

export interface SeenPush {
  readonly kind: PushKind
  readonly data: NotificationData
  /** Of the body. */
  readonly bytes: number
  /** All that the provider gets to see. */
  readonly seen: Record<string, string>
}

export class Pushes {
  readonly #report: Report
  readonly #inbox = new Inbox<NotificationData>()
  #sentAt: number | undefined

  constructor(report: Report) {
    this.#report = report
  }

  /** Pushes are timed from now on. */
  messageIsSent(): void {
    this.#sentAt = performance.now()
  }

  put({ kind, data, bytes, seen }: SeenPush): void {
    const isMessage = kind === 'message'
    this.#report.step({
      step: isMessage ? 7 : null,
      from: 'notification server',
      to: 'push provider',
      what: `push (${kind})`,
      meaning: isMessage ? 'wake up! (time since SEND)' : 'a code for the phone',
      bytes,
      ...(this.#sentAt !== undefined && { ms: performance.now() - this.#sentAt }),
    })
    this.#report.exhibit('What the push provider sees (opaque)', seen)
    this.#inbox.put(data)
  }

  /** The next one that reaches the phone. Rejects with the reason of `signal`. */
  take(signal: AbortSignal): Promise<NotificationData> {
    return this.#inbox.take(signal)
  }
}
