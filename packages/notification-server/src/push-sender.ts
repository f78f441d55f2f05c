// Spec 24 §3 W21: one push through its provider, in bounded time whatever that one does.
import type { Push, PushOutcome, PushProvider } from '@smpkit/push-providers'
import type { Clock } from './clock.js'
import type { Limits } from './limits.js'
import { errorKind, type Logger } from './logger.js'
import type { Attempt } from './outbox-rules.js'
import { PushCounters } from './push-counters.js'

/** What is told of each attempt to push; nothing in it is secret. */
export interface PushReport {
  readonly provider: string
  readonly kind: Push['kind']
  readonly outcome: PushOutcome
  /** Queues that the push names. */
  readonly items: number
  /** Milliseconds that the provider took. */
  readonly tookMs: number
}

export interface PushSenderOptions {
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly onPush: ((report: PushReport) => void) | undefined
}

export class PushSender {
  readonly counters = new PushCounters()
  readonly #options: PushSenderOptions
  /** End the pushes in flight. */
  readonly #giveUps = new Set<(reason: string) => void>()

  constructor(options: PushSenderOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async send({ push, carried }: Attempt, provider: PushProvider): Promise<PushOutcome> {
    const { clock, logger, onPush } = this.#options
    const { name } = provider
    const { kind } = push
    const began = clock.now()
    const outcome = await this.#outcome(push, provider)
    const now = clock.now()
    this.counters.add(name, kind, outcome, now)
    logger.debug({ provider: name, kind, ...outcome }, 'push')
    try {
      onPush?.({ provider: name, kind, outcome, items: carried.length, tookMs: now - began })
    } catch (error) {
      logger.error({ error: errorKind(error) }, 'onPush threw')
    }
    return outcome
  }

  /** Ends all that is in flight, with `retry`. */
  close(): void {
    for (const giveUp of this.#giveUps) giveUp('closed')
  }

  #outcome(push: Push, provider: PushProvider): Promise<PushOutcome> {
    const { clock, limits, logger } = this.#options
    const abort = new AbortController()
    return new Promise((resolve) => {
      const settle = (outcome: PushOutcome) => {
        cancel()
        this.#giveUps.delete(giveUp)
        resolve(outcome)
      }
      const giveUp = (reason: string) => {
        abort.abort()
        settle({ outcome: 'retry', afterMs: 0, reason })
      }
      const failed = (error: unknown) => {
        logger.error({ provider: provider.name, error: errorKind(error) }, 'a push provider broke its contract')
        settle({ outcome: 'retry', afterMs: 0, reason: 'exception' })
      }
      const cancel = clock.schedule(() => giveUp('timeout'), limits.pushTimeout)
      this.#giveUps.add(giveUp)
      try {
        const sent = provider.send(push, { signal: abort.signal })
        sent.then((outcome) => (outcome?.outcome ? settle(outcome) : failed(outcome)), failed)
      } catch (error) {
        failed(error)
      }
    })
  }
}
