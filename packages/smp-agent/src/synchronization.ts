// Spec 10 §10.9: making new ratchets when the old ones have diverged.
import type { RatchetError, RatchetState } from '@smpkit/ratchet'
import type { Context } from './context.js'
import type { MessageIn, Received, Verdict } from './received.js'
import type { Step } from './step.js'

export async function onRatchetKey(_context: Context, _received: Received<'ratchetKey'>): Promise<Verdict> {
  return 'ack'
}

/** What the failure says of the ratchets (10.8). */
export function noteDecryptionError(_step: Step, _error: RatchetError): void {}

/** The ratchets work: after a re-synchronization that ends it. */
export function afterDecryption(_step: Step, _former: RatchetState, _content: MessageIn): void {}
