// Spec 04 §4.2, §5: creating a queue (`NEW`, `IDS`).
import { authKey, dhKey } from '@smpkit/crypto'
import {
  bool,
  type Codec,
  largeBytes,
  letters,
  mapped,
  optional,
  record,
  shortBytes,
  tagged,
  type Value,
} from '@smpkit/encoding'
import { basicAuth } from './basic-auth.js'
import { type Commands, type Messages, recipient } from './definitions.js'
import { has } from './versions.js'

/** What a queue is for; decides who may secure it (04 §4.4). */
export const queueMode = letters({ M: 'messaging', C: 'contact' })
export type QueueMode = Value<typeof queueMode>

/** Whether `NEW` subscribes this connection. */
export const subMode = letters({ S: 'subscribe', C: 'create' })

/** Link data: `fixedData` never changes, `userData` may. Opaque to the server. */
export const queueLinkData = { fixedData: largeBytes, userData: largeBytes }

const queueReq = tagged('mode', queueMode, {
  messaging: record({ link: optional(record({ senderId: shortBytes, ...queueLinkData })) }),
  contact: record({ link: optional(record({ linkId: shortBytes, senderId: shortBytes, ...queueLinkData })) }),
})
export type QueueReq = Value<typeof queueReq>

/** The credentials of a notifier, as in `NKEY`. */
export const ntfCreds = record({ authKey, dhKey })
/** The server's answer to them, as in `NID`. */
export const notifierIds = record({ notifierId: shortBytes, serverDhKey: dhKey })

/** Below version 15 the mode is a Bool: whether the sender can secure the queue. */
const sndSecure: Codec<QueueMode | null> = mapped(
  bool,
  (secure) => (secure ? 'messaging' : 'contact'),
  (mode) => mode === 'messaging',
)

/** A field from a certain version on; before it nothing is written and `null` is read. */
const from = <T>(present: boolean, codec: Codec<T | null>): Codec<T | null> =>
  present ? codec : { write: () => {}, read: () => null }

/** Below version 15 only the mode of a request is written. */
const oldQueueReq: Codec<QueueReq | null> = mapped(
  sndSecure,
  (mode) => ({ mode: mode ?? 'contact', link: null }),
  (req) => req?.mode ?? null,
)

export const newQueueCommands = {
  /** Creates a queue. `dhKey` and the server's key in `IDS` make the secret that encrypts `MSG` bodies. */
  NEW: {
    ...recipient,
    party: 'creator',
    entity: 'absent',
    service: 'adds',
    answers: ['IDS'],
    params: (version) =>
      record({
        authKey,
        dhKey,
        basicAuth: optional(basicAuth),
        subMode,
        queueReq: has(version, 'shortLinks') ? optional(queueReq) : oldQueueReq,
        ntfCreds: from(has(version, 'notifierInNew'), optional(ntfCreds)),
      }),
  },
} as const satisfies Commands

export const newQueueMessages = {
  IDS: {
    entity: 'any',
    params: (version) =>
      record({
        recipientId: shortBytes,
        senderId: shortBytes,
        serverDhKey: dhKey,
        queueMode: has(version, 'shortLinks') ? optional(queueMode) : sndSecure,
        linkId: from(has(version, 'shortLinks'), optional(shortBytes)),
        serviceId: from(has(version, 'serviceCertificates'), optional(shortBytes)),
        ntfCreds: from(has(version, 'notifierInNew'), optional(notifierIds)),
      }),
  },
} as const satisfies Messages
