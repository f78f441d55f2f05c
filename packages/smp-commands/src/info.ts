// Spec 04 §5: the answer to `QUE`.
import type { Codec } from '@smpkit/encoding'
import { boolean, integer, json, object, oneOf, optional, string } from './json.js'

/** The subscription of the connection that asks. */
export interface QueueSubscription {
  /** `noSub` also stands here while a message waits for its acknowledgement; then there is `qDelivered`. */
  qSubThread: 'noSub' | 'subPending' | 'subThread' | 'prohibitSub'
  /** The id of the message that was delivered and not acknowledged, in standard base64. */
  qDelivered?: string | undefined
}

/** The first message of the queue. */
export interface QueueFirstMessage {
  /** Standard base64 with padding. */
  msgId: string
  /** ISO 8601, UTC. */
  msgTs: string
  msgType: 'message' | 'quota'
}

/** The state of a queue, with the names of its JSON. */
export interface QueueInformation {
  /** The queue is secured. */
  qiSnd: boolean
  /** The queue has a notifier. */
  qiNtf: boolean
  qiSub?: QueueSubscription | undefined
  /** The number of messages. */
  qiSize: number
  qiMsg?: QueueFirstMessage | undefined
}

/** JSON to the end of the message. Unknown fields are ignored, a repeated one is an error. */
export const info: Codec<QueueInformation> = json(
  object<QueueInformation>({
    qiSnd: boolean,
    qiNtf: boolean,
    qiSub: optional(
      object<QueueSubscription>({
        qSubThread: oneOf('noSub', 'subPending', 'subThread', 'prohibitSub'),
        qDelivered: optional(string),
      }),
    ),
    qiSize: integer,
    qiMsg: optional(object<QueueFirstMessage>({ msgId: string, msgTs: string, msgType: oneOf('message', 'quota') })),
  }),
)
