// Spec 11 §11.2, 13 §13.6: what is known of a message when its handler sees it.
import type { Row } from '@smpkit/agent-store'
import type { AgentEnvelope } from './agent-envelope.js'
import type { AgentMessage } from './agent-message.js'
import type { ClientMessage } from './client-message.js'
import type { SentMessages } from './receipts.js'
import type { ReceiveQueue } from './step-rows.js'

/** A message of which both outer layers are off. */
export interface Received<T extends AgentEnvelope['type'] = AgentEnvelope['type']> {
  readonly queue: ReceiveQueue
  readonly connection: Row<'connections'>
  /** The server's id and time (seconds since 1970). */
  readonly brokerId: Uint8Array
  readonly serverTs: number
  readonly notification: boolean
  readonly envelope: Extract<AgentEnvelope, { type: T }>
  /** The agreed version of the queue with what the sender says. */
  readonly clientVersion: number
  readonly senderKey: ClientMessage['senderKey']
  /** Of a first message: what we share with its sender. */
  readonly e2eSecret: Uint8Array | null
}

/** `ack`: tell the server at once. `hold`: when the application acknowledges. */
export type Verdict = 'ack' | 'hold'

export interface QueueRef {
  readonly connId: Uint8Array
  readonly queueNo: number
}

export type MessageIn = Extract<AgentMessage, { type: 'message' }>

/** A message of the peer's agent with what its handler may need. */
export interface Incoming {
  readonly received: Received<'message'>
  readonly content: MessageIn
  /** SHA-256 of the whole agent message. */
  readonly hash: Uint8Array
  /** The internal id. */
  readonly messageId: number
  /** `OK` or `ERR …`. */
  readonly integrity: string
  /** Of receipts: our messages that they are of, by `snd-msg-id`, once they were read. */
  readonly sent: SentMessages | undefined
  /** Whether the chain that it came in has mixed a KEM secret. */
  readonly pq: boolean
  /** The queue's status before this message. */
  readonly wasActive: boolean
}
