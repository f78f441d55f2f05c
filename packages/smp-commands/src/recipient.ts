// Spec 04 §4, §6: what the recipient of a queue does with it.
import { authKey } from '@smpkit/crypto'
import { list, record, shortBytes, tail } from '@smpkit/encoding'
import { type Commands, type Messages, recipient, recipientOk } from './definitions.js'
import { info } from './info.js'

const subscribed = { ...recipient, service: 'adds' } as const

export const recipientCommands = {
  /** Subscribes this connection; a waiting message follows as a `MSG` event. Old servers answer with it. */
  SUB: { ...subscribed, answers: ['SOK', 'OK', 'MSG'], params: null },
  /** Secures the queue with the sender's key. */
  KEY: { ...recipientOk, params: record({ senderKey: authKey }) },
  /** Replaces the keys that may authorize the recipient of a contact queue: 1 to 255. */
  RKEY: { ...recipientOk, params: record({ keys: list(authKey, 1) }) },
  /** Fetches the first message without subscribing: `OK` when there is none. */
  GET: { ...recipient, answers: ['MSG', 'OK'], params: null },
  /** Deletes a delivered message and asks for the next one. */
  ACK: { ...recipient, answers: ['OK', 'MSG'], params: record({ msgId: shortBytes }) },
  /** Stops sending to the queue for good; what is in it can still be read. */
  OFF: { ...recipientOk, params: null },
  DEL: { ...recipientOk, params: null },
  /** Asks for the state of the queue. */
  QUE: { ...recipient, answers: ['INFO'], params: null },
} as const satisfies Commands

export const recipientMessages = {
  /** A message for the recipient; the body is 16122 bytes (02 §5). */
  MSG: { entity: 'id', params: record({ msgId: shortBytes, encBody: tail }) },
  INFO: { entity: 'id', params: record({ info }) },
  /** Another connection has taken the subscription. */
  END: { entity: 'id', params: null },
  /** The queue or its notifier was deleted. */
  DELD: { entity: 'id', params: null },
} as const satisfies Messages
