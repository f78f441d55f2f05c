// Spec 13 §13.3, §13.5, 10 §10.9: whether a connection can send, and what an application sends.
import { RequestError } from './errors.js'
import type { Step } from './step.js'
import type { SendQueue } from './step-rows.js'
import { type AgentVersion, has, senderSecuresSince } from './versions.js'

/** Messages of the agent itself are left out where this does not hold; nothing depends on them. */
export function canSend(step: Step): boolean {
  const { connection, sendQueues } = step
  const isSynchronized = connection.synchronization === 'ok' || connection.synchronization === 'allowed'
  return isSynchronized && isConfirmed(step) && sendQueues.some((queue) => isUsable(step, queue))
}

/**
 * Whether our confirmation goes before what is sent now. Who has joined an invitation may send before it is answered only to an agent that
 * makes its ratchet as soon as it has the confirmation.
 */
function isConfirmed(step: Step): boolean {
  const { connection, receiveQueues } = step
  if (connection.lastSentId === 0 || !step.ratchetState?.send) return false
  const isAnswered = receiveQueues.some(({ e2eSecret }) => e2eSecret !== null)
  return isAnswered || has(connection.agentVersion as AgentVersion, 'earlyRatchet')
}

/**
 * Whether the server takes what we sign. If not both queues are secured by their senders, that is known when the connection is made: what comes
 * earlier would be refused, or be taken for a sign that there has been HELLO already.
 */
function isUsable(step: Step, { status, queueMode, clientVersion }: SendQueue): boolean {
  if (status === 'active') return true
  const isOursKnown = clientVersion >= senderSecuresSince && step.receiveQueues[0]?.queueMode === 'messaging'
  return queueMode === 'messaging' && (!step.isJoiner || isOursKnown)
}

/** @throws RequestError `PROHIBITED`, `SYNCHRONIZATION` */
export function requireSending(step: Step): void {
  const { synchronization, deletion } = step.connection
  if (synchronization !== 'ok' && synchronization !== 'allowed') {
    throw new RequestError('SYNCHRONIZATION', `expected synchronized ratchets, they are ${synchronization}`)
  }
  if (deletion === 'now') throw new RequestError('PROHIBITED', 'expected a connection that is not being deleted')
  if (!canSend(step)) throw new RequestError('PROHIBITED', 'expected a connection that is made: wait for `connected`')
}
