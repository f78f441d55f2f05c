// Spec 30 §3: the answer to a request is written in the transaction of its effect.
import type { AnswerRow } from './rows.js'
import type { Changes, Decision } from './store.js'

/** What a front door writes together with an effect; `answers` to put and to remove. */
export interface AnswerChanges {
  readonly put: readonly AnswerRow[]
  readonly remove: readonly string[]
}

/** From what came of the effect, in its transaction. May be called again, like every decision. */
export type Along<T> = (result: T) => AnswerChanges

/** A decision that writes the answer too. */
export function withAlong<T, R>(decision: Decision<T>, along: Along<R> | undefined, result: R): Decision<T> {
  if (!along) return decision
  const { put, remove } = along(result)
  const { changes } = decision
  const merged: Changes = { ...changes, answers: put, remove: { ...changes.remove, answers: remove } }
  return { ...decision, changes: merged }
}
