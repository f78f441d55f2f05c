// Spec 02 §6: the metadata in `NMSG`.
import { boxPadded, openBoxPadded } from '@smpkit/crypto'
import { encode, Reader, record, seconds, shortBytes } from '@smpkit/encoding'

/** What the metadata is padded to (02 §6); encrypted it has 16 bytes more. */
export const nmsgMetaPaddedLength = 128

/** Which message is waiting; both are those of the later `MSG`. */
export interface NmsgMeta {
  msgId: Uint8Array
  /** When the server received the message, in seconds. */
  ts: number
}

const nmsgMeta = record<NmsgMeta>({ msgId: shortBytes, ts: seconds })

/**
 * 144 bytes. `secret` is shared by the notifier's keys of `NKEY` and `NID`, `nonce` (24 random bytes) is sent with it.
 * @throws EncodeError `LARGE` for an id of more than 117 bytes
 */
export function encryptNmsgMeta(secret: Uint8Array, nonce: Uint8Array, meta: NmsgMeta): Uint8Array {
  return boxPadded(secret, nonce, encode(nmsgMeta, meta), nmsgMetaPaddedLength)
}

/**
 * Bytes after the time are ignored: later versions may add fields. The id is the caller's own.
 * @throws CryptoError `DECRYPT`, DecodeError
 */
export function decryptNmsgMeta(secret: Uint8Array, nonce: Uint8Array, encMeta: Uint8Array): NmsgMeta {
  return nmsgMeta.read(new Reader(openBoxPadded(secret, nonce, encMeta)))
}
