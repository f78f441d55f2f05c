// Spec 11 §11.5.2: ids and hashes by which a receiver sees gaps, repetitions and changes.
import { constantTimeEqual, sha256 } from '@smpkit/crypto'
import { encode } from '@smpkit/encoding'
import { agentMessage, type InnerMessage } from './agent-message.js'

/** The last message of one direction of a connection. */
export interface ChainEnd {
  /** Its sender's id: 1 for the confirmation. */
  readonly msgId: bigint
  /** SHA-256 of the whole agent message, without the padding. */
  readonly hash: Uint8Array
}

/** The end of a chain whose last agent message is `bytes`. */
export function chainEnd(msgId: bigint, bytes: Uint8Array): ChainEnd {
  return { msgId, hash: sha256(bytes) }
}

/** The next message of a chain and its new end. */
export function appendMessage(last: ChainEnd, message: InnerMessage): { bytes: Uint8Array; end: ChainEnd } {
  const sndMsgId = last.msgId + 1n
  const bytes = encode(agentMessage, { type: 'message', sndMsgId, prevMsgHash: last.hash, message })
  return { bytes, end: chainEnd(sndMsgId, bytes) }
}

/** How a message follows the one before. Only a report: the message is delivered whatever it says. */
export type MsgIntegrity =
  | { readonly type: 'ok' }
  /** The id is lower than the last one. */
  | { readonly type: 'badId'; readonly id: bigint }
  | { readonly type: 'duplicate' }
  /** The messages `from` to `to` did not come. */
  | { readonly type: 'skipped'; readonly from: bigint; readonly to: bigint }
  /** The id follows, but the sender's last message was not the one that came. */
  | { readonly type: 'badHash' }

export function integrityOf(
  last: ChainEnd,
  { sndMsgId, prevMsgHash }: { readonly sndMsgId: bigint; readonly prevMsgHash: Uint8Array },
): MsgIntegrity {
  if (sndMsgId < last.msgId) return { type: 'badId', id: sndMsgId }
  if (sndMsgId === last.msgId) return { type: 'duplicate' }
  if (sndMsgId > last.msgId + 1n) return { type: 'skipped', from: last.msgId + 1n, to: sndMsgId - 1n }
  return { type: constantTimeEqual(prevMsgHash, last.hash) ? 'ok' : 'badHash' }
}

/** The form in which the result is stored: `OK` or `ERR …`. */
export function integrityToText(integrity: MsgIntegrity): string {
  switch (integrity.type) {
    case 'ok':
      return 'OK'
    case 'badId':
      return `ERR ID ${integrity.id}`
    case 'duplicate':
      return 'ERR DUPLICATE'
    case 'skipped':
      return `ERR NO_ID ${integrity.from} ${integrity.to}`
    case 'badHash':
      return 'ERR HASH'
  }
}
