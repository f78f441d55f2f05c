// Spec 30 §3 rules 2 and 3: answers are written with the effects of requests, sent from there, and kept for repetitions.
import type { Clock } from './clock.js'
import type { Limits } from './limits.js'
import { type AnswerRow, answerId } from './rows.js'
import { dueIn, type NotificationStore, pagesOf } from './store.js'

export interface NewAnswer {
  readonly owner: string
  readonly requestId: string
  /** SHA-256 of the request. */
  readonly hash: Uint8Array
  readonly state: 'waiting' | 'owed'
  readonly kept: boolean
  readonly body: Uint8Array
}

export class Answers {
  /** Answers that were sent and are kept, of owners who asked since the start: the oldest first. */
  readonly #kept = new Map<string, Set<string>>()

  constructor(
    readonly store: NotificationStore,
    readonly clock: Clock,
    readonly limits: Limits,
  ) {}

  /** What a request of this id was answered, or is to be. */
  async find(owner: string, requestId: string): Promise<AnswerRow | undefined> {
    await this.#load(owner)
    const { answers } = await this.store.read({ answers: { id: [answerId(owner, requestId)] } })
    return answers[0]
  }

  /** For the transaction of an effect. */
  row({ requestId, ...answer }: NewAnswer): AnswerRow {
    return { ...answer, id: answerId(answer.owner, requestId), at: this.clock.now() }
  }

  /** Writes an answer whose request had no effect, or whose effect is written. */
  async owe(answer: NewAnswer): Promise<AnswerRow> {
    const row = this.row(answer)
    await this.store.atomic({}, () => ({ changes: { answers: [row] }, result: undefined }))
    return row
  }

  /** The request was repeated: its answer is sent again. */
  async oweAgain(row: AnswerRow): Promise<AnswerRow> {
    const owed: AnswerRow = { ...row, state: 'owed' }
    await this.store.atomic({}, () => ({ changes: { answers: [owed] }, result: undefined }))
    return owed
  }

  /** It is on its way, or can never be. Only the newest answers of an owner stay. */
  async sent(row: AnswerRow): Promise<void> {
    const changes = row.kept
      ? { answers: [{ ...row, state: 'sent' as const }], remove: { answers: this.#keep(row) } }
      : { remove: { answers: [row.id] } }
    await this.store.atomic({}, () => ({ changes, result: undefined }))
  }

  /** Those that are too many then. If they are not removed now, their time will come. */
  #keep({ owner, id }: AnswerRow): string[] {
    const kept = this.#kept.get(owner)
    if (!kept) return []
    kept.delete(id)
    kept.add(id)
    const old = [...kept].slice(0, Math.max(0, kept.size - this.limits.answers))
    for (const one of old) kept.delete(one)
    return old
  }

  /** What an earlier process did not get to send. */
  async *unsent(): AsyncGenerator<AnswerRow> {
    for await (const rows of pagesOf(this.store, 'answers', { owed: true })) yield* rows
  }

  /** Drops those whose time is over. */
  async expire(): Promise<void> {
    const { answerExpiry, maintenanceBatch } = this.limits
    for await (const due of dueIn(this.store, 'answers', this.clock.now() - answerExpiry, maintenanceBatch)) {
      const answers = due.map(({ id }) => id)
      await this.store.atomic({}, () => ({ changes: { remove: { answers } }, result: undefined }))
      for (const { owner, id } of due) {
        const kept = this.#kept.get(owner)
        kept?.delete(id)
        if (kept?.size === 0) this.#kept.delete(owner)
      }
    }
  }

  forgetOwner(owner: string): void {
    this.#kept.delete(owner)
  }

  async #load(owner: string): Promise<void> {
    if (this.#kept.has(owner)) return
    const { answers } = await this.store.read({ answers: { owner: [owner] } })
    if (this.#kept.has(owner)) return
    const sent = answers.filter(({ state, kept }) => state === 'sent' && kept).sort((a, b) => a.at - b.at)
    this.#kept.set(owner, new Set(sent.map(({ id }) => id)))
  }
}
