// Spec 04 §7: notifications of new messages.
import { nonce, record, shortBytes } from '@smpkit/encoding'
import { type Commands, type Messages, notifier, recipient, recipientOk } from './definitions.js'
import { notifierIds, ntfCreds } from './new-queue.js'

export const notificationCommands = {
  /** Gives the queue a new notifier; `dhKey` and the key in `NID` make the secret that encrypts the metadata. */
  NKEY: { ...recipient, answers: ['NID'], params: ntfCreds },
  NDEL: { ...recipientOk, params: null },
  /** Subscribes this connection to the notifications of a queue. */
  NSUB: { ...notifier, service: 'adds', answers: ['SOK', 'OK'], params: null },
} as const satisfies Commands

export const notificationMessages = {
  NID: { entity: 'id', params: notifierIds },
  /** There is a new message. `encMeta`: its id and time for the recipient, 144 bytes (02 §6). Never acknowledged. */
  NMSG: { entity: 'id', params: record({ nonce, encMeta: shortBytes }) },
} as const satisfies Messages
