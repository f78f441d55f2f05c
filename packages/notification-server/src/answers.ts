// Spec 30 §3 rules 2 and 3: answers are written with the effects of requests, sent from there, and kept for repetitions.
import type { AnswerChanges } from './along.js'
import type { Clock } from './clock.js'
import type { Limits } from './limits.js'
import { type AnswerRow, answerId } from './rows.js'
import { type NotificationStore, pagesOf } from './store.js'

export interface NewAnswer {
  readonly owner: string
  readonly requestId: string
  /** SHA-256 of the request. */
  readonly hash: Uint8Array
  readonly state: 'waiting' | 'owed'
  readonly kept: boolean
  readonly body: Uint8Array
}

/** How many are dropped at once. */
const batch = 100

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

  /** For the transaction of an effect, after `find`. Only the newest answers of an owner stay. */
  changes({ requestId, ...answer }: NewAnswer): AnswerChanges {
    const kept = [...(this.#kept.get(answer.owner) ?? [])]
    const remove = kept.slice(0, Math.max(0, kept.length + 1 - this.limits.answers))
    return { put: [{ ...answer, id: answerId(answer.owner, requestId), at: this.clock.now() }], remove }
  }

  /** Writes an answer whose request had no effect, or whose effect is written. */
  async owe(answer: NewAnswer): Promise<AnswerRow> {
    const { put, remove } = this.changes(answer)
    await this.store.atomic({}, () => ({ changes: { answers: put, remove: { answers: remove } }, result: undefined }))
    return put[0] as AnswerRow
  }

  /** The request was repeated: its answer is sent again. */
  async oweAgain(row: AnswerRow): Promise<AnswerRow> {
    const owed: AnswerRow = { ...row, state: 'owed' }
    await this.store.atomic({}, () => ({ changes: { answers: [owed] }, result: undefined }))
    return owed
  }

  /** It is on its way, or can never be. */
  async sent(row: AnswerRow): Promise<void> {
    const changes = row.kept ? { answers: [{ ...row, state: 'sent' as const }] } : { remove: { answers: [row.id] } }
    await this.store.atomic({}, () => ({ changes, result: undefined }))
    if (!row.kept) return
    const kept = this.#kept.get(row.owner)
    kept?.delete(row.id)
    kept?.add(row.id)
  }

  /** What an earlier process did not get to send. */
  async *unsent(): AsyncGenerator<AnswerRow> {
    for await (const rows of pagesOf(this.store, 'answers', { owed: true })) yield* rows
  }

  /** Drops those whose time is over. */
  async expire(): Promise<void> {
    const due = await this.store.due('answers', this.clock.now() - this.limits.answerExpiry, batch)
    if (due.length === 0) return
    const answers = due.map(({ id }) => id)
    await this.store.atomic({}, () => ({ changes: { remove: { answers } }, result: undefined }))
    for (const { owner, id } of due) {
      const kept = this.#kept.get(owner)
      kept?.delete(id)
      if (kept?.size === 0) this.#kept.delete(owner)
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
