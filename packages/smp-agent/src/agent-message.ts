// Spec 11 §11.5: what agents say to each other inside the ratchet.
import { authKey } from '@smpkit/crypto'
import {
  bool,
  type Codec,
  EncodeError,
  int64,
  largeBytes,
  letters,
  list,
  optional,
  record,
  shortBytes,
  tagged,
  tail,
  type Value,
} from '@smpkit/encoding'
import { queueAddress, queueInfo, queueUri } from '@smpkit/smp-commands/address'

/** One letter, or `Q` and another one. */
const tags = {
  hello: 'H',
  msg: 'M',
  received: 'V',
  queueContinue: 'QC',
  queueAdd: 'QA',
  queueKey: 'QK',
  queueUse: 'QU',
  queueTest: 'QT',
  ratchetReady: 'E',
} as const

const typeOfTag = new Map<string, string>(Object.entries(tags).map(([type, tag]) => [tag, type]))

const messageTag: Codec<string> = {
  write(w, type) {
    if (!Object.hasOwn(tags, type)) throw new EncodeError('RANGE', 'expected a type of agent message')
    w.word(tags[type as keyof typeof tags])
  },
  read(r) {
    const at = r.position
    const first = String.fromCharCode(r.byte())
    const type = typeOfTag.get(first === 'Q' ? first + String.fromCharCode(r.byte()) : first)
    if (type === undefined) throw r.invalid('expected a type of agent message', at)
    return type
  },
}

/** `A_RCVD`: the sender's id and the hash of the whole message that was received; `info` is mostly empty. */
const receipt = record({ sndMsgId: int64, msgHash: shortBytes, info: largeBytes })
export type Receipt = Value<typeof receipt>

/** What stands in a `message`; every list has at least one item. Arrays that it reads are views. */
export const innerMessage = tagged('type', messageTag, {
  /** `HELLO` */
  hello: record({}),
  /** `A_MSG`: of the application. */
  msg: record({ body: tail }),
  /** `A_RCVD` */
  received: record({ receipts: list(receipt, 1) }),
  /** `A_QCONT`: there is room in that queue again. */
  queueContinue: record({ address: queueAddress }),
  /** `QADD`: new queues, each in the place of another one. */
  queueAdd: record({ queues: list(record({ queue: queueUri, replaced: optional(queueAddress) }), 1) }),
  /** `QKEY`: the keys with which those queues will be written to. */
  queueKey: record({ queues: list(record({ queue: queueInfo, senderKey: authKey }), 1) }),
  /** `QUSE` */
  queueUse: record({ queues: list(record({ address: queueAddress, primary: bool }), 1) }),
  /** `QTEST` */
  queueTest: record({ addresses: list(queueAddress, 1) }),
  /** `EREADY`: the new ratchet is there; everything up to this id of the peer was decrypted with the old one. */
  ratchetReady: record({ lastDecryptedId: int64 }),
})
export type InnerMessage = Value<typeof innerMessage>

/**
 * Plaintext of the ratchet. `sndMsgId` is signed and not checked, `prevMsgHash` has 0 or 32 bytes from an honest peer. Arrays
 * that it reads are views.
 *
 * A reply queue whose version cannot say its mode makes a `connInfo` that begins with `M`, `C`, `T` or `F` unreadable.
 */
export const agentMessage = tagged(
  'type',
  letters({ I: 'connInfo', D: 'connInfoReply', R: 'ratchetInfo', M: 'message' }),
  {
    connInfo: record({ connInfo: tail }),
    connInfoReply: record({ replyQueues: list(queueInfo, 1), connInfo: tail }),
    /** Never encrypted: it stands in the envelope `ratchetKey`. */
    ratchetInfo: record({ info: tail }),
    message: record({ sndMsgId: int64, prevMsgHash: shortBytes, message: innerMessage }),
  },
)
export type AgentMessage = Value<typeof agentMessage>
