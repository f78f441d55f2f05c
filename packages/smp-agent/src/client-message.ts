// Spec 11 §11.2, §11.3: what is sent to a queue, encrypted for its recipient.
import { type AuthKey, authKey, dhKey, openBoxPadded, type PublicKey, randomBytes } from '@smpkit/crypto'
import { sealInPlace } from '@smpkit/crypto/internal'
import {
  type Codec,
  decode,
  nonce,
  nonceLength,
  optional,
  record,
  tail,
  type Value,
  Writer,
  word16,
} from '@smpkit/encoding'
import { agentEnvelope } from './agent-envelope.js'
import { fromPeer, RequestError } from './errors.js'
import { clientMessageLengths } from './size-limits.js'

/** Body of a `SEND`. `dhKey` is the sender's, in a first message. Arrays that it reads are views. */
export const clientEnvelope = record({ clientVersion: word16, dhKey: optional(dhKey), nonce, encBody: tail })
export type ClientEnvelope = Value<typeof clientEnvelope>

const withKey = 0x4b
const withoutKey = 0x5f

/** `K` and a key, or `_`. */
const senderKey: Codec<AuthKey | null> = {
  write(w, key) {
    w.byte(key ? withKey : withoutKey)
    if (key) authKey.write(w, key)
  },
  read(r) {
    const at = r.position
    const letter = r.byte()
    if (letter !== withKey && letter !== withoutKey) throw r.invalid('expected K or _', at)
    return letter === withKey ? authKey.read(r) : null
  },
}

/** Plaintext of a client envelope around `envelope`. */
export function clientMessageOf<T>(envelope: Codec<T>): Codec<{ senderKey: AuthKey | null; envelope: T }> {
  return record({ senderKey, envelope })
}

/** `senderKey` is for the recipient's `KEY`, in a confirmation to a queue that its sender cannot secure. */
export const clientMessage = clientMessageOf(agentEnvelope)
export type ClientMessage = Value<typeof clientMessage>

export interface ClientMessageOptions {
  /** As agreed for the queue. */
  readonly clientVersion: number
  /** The sender's key in a confirmation or an invitation, `null` once the recipient has it. */
  readonly dhKey: PublicKey<'x25519'> | null
  /** 24 bytes; random by default. */
  readonly nonce?: Uint8Array
}

const tagLength = 16
const fill = new Uint8Array(clientMessageLengths.withoutKey).fill(0x23)

/**
 * Body of a `SEND`: 15992 bytes with a key, 16043 without. `secret`: `dh` of the queue's key and the sender's (32 bytes).
 * @throws RequestError `LARGE` if the message does not fit
 */
export function encryptClientMessage(
  secret: Uint8Array,
  message: ClientMessage,
  options: ClientMessageOptions,
): Uint8Array {
  const paddedLength = options.dhKey ? clientMessageLengths.withKey : clientMessageLengths.withoutKey
  return sealClientBody(secret, options, paddedLength, (w) => clientMessage.write(w, message))
}

/** The same for what `write` writes. All of it happens in the one array that is returned: messages have 16 KB. */
export function sealClientBody(
  secret: Uint8Array,
  { clientVersion, dhKey, nonce = randomBytes(nonceLength) }: ClientMessageOptions,
  paddedLength: number,
  write: (writer: Writer) => void,
): Uint8Array {
  const w = new Writer(128 + paddedLength)
  clientEnvelope.write(w, { clientVersion, dhKey, nonce, encBody: fill.subarray(0, tagLength) })
  const start = w.length
  w.word16(0)
  write(w)
  const length = w.length - start - 2
  if (length > paddedLength - 2) {
    throw new RequestError('LARGE', `expected a message of at most ${paddedLength - 2} bytes, got ${length}`)
  }
  w.patchWord16(start, length)
  w.raw(fill.subarray(0, paddedLength - 2 - length))
  sealInPlace(secret, nonce, w.view(start - tagLength))
  return w.view()
}

/**
 * The message inside an envelope; arrays in it are views into a new array of 16 KB.
 * @throws PeerError `A_CRYPTO` if it was not made with this secret, `A_MESSAGE` if it or its padding cannot be read
 */
export function decryptClientMessage(secret: Uint8Array, envelope: ClientEnvelope): ClientMessage {
  const message = openClientBody(secret, envelope)
  return fromPeer('a client message', () => decode(clientMessage, message))
}

/** @throws PeerError `A_CRYPTO`, or `A_MESSAGE` for bad padding */
export function openClientBody(secret: Uint8Array, { nonce, encBody }: ClientEnvelope): Uint8Array {
  return fromPeer('a client message', () => openBoxPadded(secret, nonce, encBody))
}
