// Spec 04 §7.4, 06 §3–§5: subscriptions of all queues of a service at once.
import { type Codec, EncodeError, int64, optional, record, shortBytes } from '@smpkit/encoding'
import { type Commands, type Messages, notifier, service } from './definitions.js'
import { has, type SmpVersion, since } from './versions.js'

/** How many queues, and the XOR of the MD5 of their ids, 16 bytes (06 §4). Information, never a reason to fail. */
export interface ServiceQueues {
  count: bigint
  idsHash: Uint8Array
}

const fields = record<ServiceQueues>({ count: int64, idsHash: shortBytes })

type CountedQueues = Pick<ServiceQueues, 'count'> & Partial<ServiceQueues>

/** The types leave out what some versions do not have; here both must be there. */
const queues: Codec<CountedQueues> = {
  write(w, { count, idsHash }) {
    if (count === undefined || !idsHash) {
      throw new EncodeError('RANGE', `expected count and idsHash from version ${since.idsHash} on`)
    }
    fields.write(w, { count, idsHash })
  },
  read: fields.read,
}

/** Below version 19 there is no hash, and in commands no count either. */
const inCommand = (version: SmpVersion): Codec<Partial<ServiceQueues>> | null =>
  has(version, 'idsHash') ? queues : null
const inMessage = (version: SmpVersion): Codec<CountedQueues> =>
  has(version, 'idsHash') ? queues : record({ count: int64 })

export const serviceCommands = {
  /** Subscribes to the messages of all queues of this service. */
  SUBS: { ...service, answers: ['SOKS'], params: inCommand },
  /** Subscribes to the notifications of all queues of this service. */
  NSUBS: { ...service, role: notifier.role, answers: ['SOKS'], params: inCommand },
} as const satisfies Commands

export const serviceMessages = {
  /** Subscribed; `serviceId` where the queue now belongs to this session's service. */
  SOK: { entity: 'id', params: record({ serviceId: optional(shortBytes) }) },
  SOKS: { entity: 'id', params: inMessage },
  /** Another connection has taken the subscription of the service. */
  ENDS: { entity: 'id', params: inMessage },
  /** All waiting messages of the service's queues have been sent. */
  ALLS: { entity: 'empty', params: null },
} as const satisfies Messages
