// Spec 13 §13.1, §13.13: what a step reads of a connection, and what follows when it is stored.
import { find, get, type Row } from '@smpkit/agent-store'
import type { E2eProposedParams, RatchetKeys, RatchetState } from '@smpkit/ratchet'
import { RequestError } from './errors.js'
import type { WaitingEvents } from './event-bounds.js'

export type Connection = Row<'connections'>
export type ReceiveQueue = Row<'receiveQueues'>
export type SendQueue = Row<'sendQueues'>

/** What every step reads. */
export const connectionQueries = (connId: Uint8Array) => ({
  connection: get('connections', { connId }),
  receiveQueues: find('receiveQueues', 'byConnection', { connId }),
  sendQueues: find('sendQueues', 'byConnection', { connId }),
  ratchet: get('ratchets', { connId }),
})

export interface ConnectionRows {
  readonly connection: Connection
  readonly receiveQueues: readonly ReceiveQueue[]
  readonly sendQueues: readonly SendQueue[]
  readonly ratchet: Row<'ratchets'> | undefined
  /** Read only for a step that adds one of those. */
  readonly waiting?: WaitingEvents
}

/** Numbers that ascend over all connections, and the time. */
export interface StepSource {
  nextEventId(): number
  nextCommandNo(): number
  /** Milliseconds since 1970. */
  now(): number
}

/** What is to be done once the change is stored. */
export interface Effects {
  /** Stored events to hand out. */
  readonly events: Row<'events'>[]
  /** Send queues that have something to deliver. */
  readonly deliveries: Set<number>
  /** Send queues that have room again. */
  readonly continued: Set<number>
  /** Receive queues to subscribe to, and to forget. */
  readonly subscribe: ReceiveQueue[]
  readonly unsubscribe: ReceiveQueue[]
  commands: boolean
  /** The events stored before this step are no more. */
  eventsRemoved: boolean
}

/** What `send` needs to know beside the message. */
export interface SendOptions {
  /** Default: `false`. */
  readonly notification?: boolean
  /** The choice for the post-quantum ratchet (10 §10.7.3). Default: none. */
  readonly pq?: boolean | null
  /** Default: the primary queue, and others that are secured or active. */
  readonly queues?: readonly number[]
}

/** What is left out stays. */
export interface RatchetChanges {
  readonly keys?: RatchetKeys | null
  readonly params?: Uint8Array | null
  readonly peerKeys?: E2eProposedParams | null
  readonly state?: RatchetState | null
}

export function queueOf<Q extends { queueNo: number }>(queues: readonly Q[], queueNo: number): Q {
  const queue = queues.find((one) => one.queueNo === queueNo)
  if (!queue) throw new RequestError('NOT_FOUND', 'expected a queue of the connection, it has gone')
  return queue
}

export const nextNo = (queues: readonly { queueNo: number }[]): number =>
  queues.reduce((last, { queueNo }) => Math.max(last, queueNo), 0) + 1

export const changed = <Q extends { queueNo: number }>(
  queues: readonly Q[],
  queueNo: number,
  changes: Partial<Q>,
): Q[] => queues.map((queue) => (queue.queueNo === queueNo ? { ...queue, ...changes } : queue))

/** The primary queue first, then those that can be written to besides: 13.5 step 5. */
export function sendingQueues(queues: readonly SendQueue[]): number[] {
  const isReady = ({ status }: SendQueue) => status === 'secured' || status === 'active'
  const primary = queues.find((queue) => queue.isPrimary && queue.replaces === null)
  const others = queues.filter((queue) => queue !== primary && isReady(queue))
  return (primary ? [primary, ...others] : others).map(({ queueNo }) => queueNo)
}
