// Spec 30 §3 rule 3: answers leave from their records, also after a restart.
import { RequestError, type SmpAgent } from '@smpkit/smp-agent'
import { DueQueue } from '../due-queue.js'
import type { Core } from '../front-door.js'
import { errorKind } from '../logger.js'
import type { AnswerRow } from '../rows.js'

/** How many are given to the agent at once. */
const concurrency = 16

export class Replies {
  readonly #agent: SmpAgent
  readonly #core: Core
  readonly #owed = new Map<string, AnswerRow>()
  readonly #sending = new Set<string>()
  readonly #running = new Set<Promise<void>>()
  readonly #later: DueQueue<AnswerRow>
  /** The ids of those that are later. */
  readonly #delayed = new Set<string>()
  #closed = false

  constructor(agent: SmpAgent, core: Core) {
    this.#agent = agent
    this.#core = core
    this.#later = new DueQueue(core.clock, (row) => {
      this.#delayed.delete(row.id)
      this.send(row)
    })
  }

  /** The answer is in the store. */
  send(row: AnswerRow): void {
    if (this.#delayed.has(row.id)) return
    this.#owed.set(row.id, row)
    this.#pump()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#later.close()
    await Promise.all(this.#running)
  }

  #pump(): void {
    for (const [id, row] of this.#owed) {
      if (this.#closed || this.#running.size >= concurrency) return
      if (this.#sending.has(id)) continue
      this.#owed.delete(id)
      this.#sending.add(id)
      const running = this.#deliver(row).finally(() => {
        this.#sending.delete(id)
        this.#running.delete(running)
        this.#pump()
      })
      this.#running.add(running)
    }
  }

  /** Never rejects. */
  async #deliver(row: AnswerRow): Promise<void> {
    const { answers, clock, limits, logger } = this.#core
    try {
      try {
        await this.#agent.send(row.owner, row.body, { notification: false })
      } catch (error) {
        const isOver = clock.now() - row.at > limits.answerExpiry
        if (isClosed(error) || (!isOver && !isFinal(error))) throw error
        // The connection is gone, or never was made, or nobody waits for it any more.
        logger.debug({ error: errorKind(error) }, 'an answer cannot be sent')
      }
      await answers.sent(row)
    } catch (error) {
      // The store, or a connection whose ratchets have to be made anew first. It stays owed.
      if (this.#closed) return
      logger.warn({ error: errorKind(error) }, 'an answer is sent later')
      this.#delayed.add(row.id)
      this.#later.add(row, clock.now() + limits.replyRetry)
    }
  }
}

const isFinal = (error: unknown) => error instanceof RequestError && !error.temporary

/** Then it leaves after the next start. */
const isClosed = (error: unknown) => error instanceof RequestError && error.code === 'CLOSED'
