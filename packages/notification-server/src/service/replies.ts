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
  #closed = false

  constructor(agent: SmpAgent, core: Core) {
    this.#agent = agent
    this.#core = core
    this.#later = new DueQueue(core.clock, (row) => this.send(row))
  }

  /** The answer is in the store. */
  send(row: AnswerRow): void {
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
    const { answers, logger } = this.#core
    try {
      try {
        await this.#agent.send(row.owner, row.body, { notification: false })
      } catch (error) {
        if (!(error instanceof RequestError) || error.temporary || error.code === 'CLOSED') throw error
        // The connection is gone, or never was made: nobody waits for it.
        logger.debug({ error: errorKind(error) }, 'an answer cannot be sent')
      }
      await answers.sent(row)
    } catch (error) {
      // The store, or a connection whose ratchets have to be made anew first. It stays owed.
      if (this.#closed) return
      const { clock, limits } = this.#core
      logger.warn({ error: errorKind(error) }, 'an answer is sent later')
      this.#later.add(row, clock.now() + limits.replyRetry)
    }
  }
}
