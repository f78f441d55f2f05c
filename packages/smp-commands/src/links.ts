// Spec 04 §4: link data of a queue.
import { authKey } from '@smpkit/crypto'
import { record, shortBytes } from '@smpkit/encoding'
import { type Commands, type Messages, recipientOk, sender } from './definitions.js'
import { queueLinkData } from './new-queue.js'

const link = { ...sender, party: 'link', answers: ['LNK'] } as const

export const linkCommands = {
  LSET: { ...recipientOk, params: record({ linkId: shortBytes, ...queueLinkData }) },
  LDEL: { ...recipientOk, params: null },
  /** Secures a messaging queue and fetches its link data. */
  LKEY: { ...link, params: record({ senderKey: authKey }) },
  /** Fetches the link data of a contact queue. */
  LGET: { ...link, auth: 'absent', params: null },
} as const satisfies Commands

export const linkMessages = {
  LNK: { entity: 'id', params: record({ senderId: shortBytes, ...queueLinkData }) },
} as const satisfies Messages
