// Spec 30 §3: the answer to a request is written in the transaction of its effect.
import type { AnswerRow } from './rows.js'
import type { Decision } from './store.js'

/** From what came of the effect, in its transaction: the answer. May be called again, like every decision. */
export type Along<T> = (result: T) => AnswerRow

/** A decision that writes the answer too. */
export function withAlong<T, R>(decision: Decision<T>, along: Along<R> | undefined, result: R): Decision<T> {
  return along ? { ...decision, changes: { ...decision.changes, answers: [along(result)] } } : decision
}
