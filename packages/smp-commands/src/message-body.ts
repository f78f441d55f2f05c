// Spec 02 §5: the body of `MSG`, from the server to the recipient.
import { boxPadded, openBoxPadded } from '@smpkit/crypto'
import { type Codec, decode, encode, nonceFromBytes, seconds } from '@smpkit/encoding'
import { notification } from './sending.js'

/** What a `MSG` body is padded to (02 §5); encrypted it has 16 bytes more. */
export const rcvBodyPaddedLength = 16106

/** A message, or the marker that the queue was full at that time. `ts`: when the server received it, in seconds. */
export type RcvBody =
  | { quota: false; ts: number; notification: boolean; body: Uint8Array }
  | { quota: true; ts: number }

const rcvBody: Codec<RcvBody> = {
  write(w, v) {
    if (v.quota) {
      w.word('QUOTA ')
      seconds.write(w, v.ts)
    } else {
      seconds.write(w, v.ts)
      notification.write(w, v.notification)
      w.raw(v.body)
    }
  },
  read(r) {
    if (r.word('QUOTA ')) return { quota: true, ts: seconds.read(r) }
    return { quota: false, ts: seconds.read(r), notification: notification.read(r), body: r.tail() }
  },
}

/** The plain form, which is padded and encrypted. */
export function encodeRcvBody(body: RcvBody): Uint8Array {
  return encode(rcvBody, body)
}

/** `body` is a view into `plain`. @throws DecodeError */
export function decodeRcvBody(plain: Uint8Array): RcvBody {
  return decode(rcvBody, plain)
}

/**
 * 16122 bytes, whatever the length of the body. `secret` is shared by the keys of `NEW` and `IDS`.
 * @throws EncodeError `LARGE` for a body of more than 16094 bytes
 */
export function encryptMsgBody(secret: Uint8Array, msgId: Uint8Array, body: RcvBody): Uint8Array {
  return boxPadded(secret, nonceFromBytes(msgId), encodeRcvBody(body), rcvBodyPaddedLength)
}

/**
 * `body` is a view into an array of 16 KB: copy it if it is kept.
 * @throws CryptoError `DECRYPT`, DecodeError
 */
export function decryptMsgBody(secret: Uint8Array, msgId: Uint8Array, encBody: Uint8Array): RcvBody {
  return decodeRcvBody(openBoxPadded(secret, nonceFromBytes(msgId), encBody))
}
