// Spec 13 §13.12, §13.13: the parts of rows that only the agent reads.
import { authKey } from '@smpkit/crypto'
import {
  bool,
  type Codec,
  decode,
  encode,
  int64,
  largeBytes,
  list,
  optional,
  record,
  shortBytes,
  tagged,
  text,
  type Value,
  word16,
} from '@smpkit/encoding'
import { queueAddress, queueInfo, queueUri } from '@smpkit/smp-commands/address'

/** Bytes that hold text: links are longer than a short string. */
const largeText: Codec<string> = {
  write: (w, v) => w.largeBytes(new TextEncoder().encode(v)),
  read: (r) => r.utf8(r.largeBytes()),
}

/** The peer's confirmation of our invitation. */
const confirmation = record({
  /** With which the peer sends, where it could not secure our queue itself. */
  senderKey: optional(authKey),
  replyQueues: list(queueInfo, 1),
})
export type StoredConfirmation = Value<typeof confirmation>

/** A request to our contact address: the invitation to join, and what we answered when it was accepted. */
const request = record({ link: largeText, info: optional(largeBytes) })
export type StoredRequest = Value<typeof request>

/** What is to be done over the network; each handler may begin again after any of its steps. */
const command = tagged('tag', text, {
  /** Secure the peer's queue, make ours, confirm (13.3 steps 3 to 6). */
  join: record({ info: largeBytes }),
  /** Make a queue and send the request to a contact address (13.4). */
  request: record({ info: largeBytes, queue: queueInfo, agentVersion: word16 }),
  /** Secure both queues and answer the confirmation (13.3 steps 10 to 12). */
  allow: record({ info: largeBytes, senderKey: optional(authKey) }),
  /** `KEY`, then HELLO (13.3 step 15'). */
  secure: record({ queueNo: word16, senderKey: authKey }),
  /** Rotation step 3: `KEY`, then QUSE. */
  secureNewQueue: record({ queueNo: word16, senderKey: authKey }),
  /** Start of a rotation: make the new queue, there or on a server of ours, then QADD. */
  addQueue: record({ queueNo: word16, server: optional(largeText) }),
  /** Rotation step 2: QKEY. */
  answerQueueAdd: record({ queue: queueUri, replaced: queueAddress }),
  /** Rotation step 4: QTEST. */
  answerQueueUse: record({ queueNo: word16 }),
  /** `DEL` of a queue that is marked for it, and remove it. */
  deleteQueue: record({ queueNo: word16 }),
  /** A receipt for what was acknowledged while nothing could be sent. It alone may be overtaken by later commands. */
  receipt: record({ sndMsgId: int64, msgHash: shortBytes, info: largeBytes }),
  /** `NKEY` or `NDEL` of the primary queue, whichever fits the connection's setting. */
  notifications: record({ enable: bool }),
})
export type StoredCommand = Value<typeof command>
export type CommandTag = StoredCommand['tag']
export type CommandOf<T extends CommandTag> = Extract<StoredCommand, { tag: T }>

const coder = <T>(codec: Codec<T>) => ({
  toBytes: (value: T): Uint8Array => encode(codec, value),
  fromBytes: (bytes: Uint8Array): T => decode(codec, bytes),
})

export const storedConfirmation = coder(confirmation)
export const storedRequest = coder(request)
export const storedCommand = coder(command)
