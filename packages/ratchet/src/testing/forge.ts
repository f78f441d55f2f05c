import { encryptAesGcm } from '@smpkit/crypto'
import { encode, pad } from '@smpkit/encoding'
import { chainKdf } from '../kdf.js'
import { encryptedHeader, joinMessage, type MessageHeader, messageHeader } from '../message.js'
import type { RatchetState } from '../state.js'

export interface Forgery {
  /** Fields that differ from those that the state would send. */
  header?: Partial<MessageHeader>
  /** The plaintext header, in place of the encoded one. */
  headerBytes?: Uint8Array
  /** What is encrypted as header and as body, paddings included. */
  paddedHeader?: Uint8Array
  paddedBody?: Uint8Array
  version?: number
}

/** A message with the right keys of the state's sending chain, but content that this package would not send. */
export function forge(state: RatchetState, forgery: Forgery = {}): Uint8Array {
  const { send, associatedData } = state
  if (!send) throw new Error('expected a sending chain')
  const { messageKey, messageIv, headerIv: iv } = chainKdf(send.chainKey)
  const version = forgery.version ?? state.version
  const bytes = forgery.headerBytes ?? encode(messageHeader(version), headerOf(state, forgery.header))
  const padded = forgery.paddedHeader ?? pad(bytes, Math.max(88, bytes.length + 2))
  const sealed = encryptAesGcm(send.headerKey, iv, associatedData, padded)
  const encHeader = encode(encryptedHeader, { version, iv, ...sealed })
  const associated = Uint8Array.of(...associatedData, ...encHeader)
  const body = encryptAesGcm(messageKey, messageIv, associated, forgery.paddedBody ?? pad(new Uint8Array(3), 20))
  return joinMessage(version, encHeader, body.tag, body.ciphertext)
}

export function headerOf(state: RatchetState, changed: Partial<MessageHeader> = {}): MessageHeader {
  const { maxVersion, dhPublicKey: dhKey, previousCount: pn, sendNumber: ns } = state
  return { maxVersion, dhKey, kem: null, pn, ns, ...changed }
}
