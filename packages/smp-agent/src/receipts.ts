// Spec 13 §13.6: delivery receipts.
import type { Row } from '@smpkit/agent-store'
import type { Receipt } from './agent-message.js'
import type { Incoming, Verdict } from './received.js'
import type { Step } from './step.js'

export function onReceipts(_step: Step, _incoming: Incoming, _receipts: readonly Receipt[]): Verdict {
  return 'ack'
}

/** For a message that the application acknowledges. */
export function sendReceipt(_step: Step, _event: Row<'events'>, _info: Uint8Array | null): void {}
