// Spec 10.6.4: sending.
import { encryptAesGcm } from '@smpkit/crypto'
import { concat, EncodeError, encode, pad } from '@smpkit/encoding'
import { RatchetError } from './errors.js'
import type { KemParams } from './fields.js'
import { chainKdf } from './kdf.js'
import { encryptedHeader, joinMessage, messageHeader, paddedHeaderLength } from './message.js'
import type { MessageKey, RatchetKem, RatchetState } from './state.js'
import { type E2eVersion, e2eVersions, kemSince } from './versions.js'

export interface EncryptOptions {
  /** Turns the KEM on or off from the next ratchet step; by default, or with `null`, it stays as it is. */
  readonly pq?: boolean | null | undefined
  /** What the header announces at least; 3 by default. */
  readonly maxVersion?: E2eVersion
}

/**
 * Takes the next key of the sending chain. The state must be stored before anything encrypted with the key is sent, and
 * the key serves one body.
 * @throws RatchetError `RATCHET_STATE` for an initiator that has not received anything
 */
export function encryptHeader(
  state: RatchetState,
  { pq = null, maxVersion = e2eVersions.max }: EncryptOptions = {},
): { state: RatchetState; key: MessageKey } {
  const { version, send, kem, associatedData, sendNumber } = state
  if (!send) throw new RatchetError('RATCHET_STATE', 'expected a sending chain: no message was received yet')
  const { chainKey, messageKey, messageIv, headerIv } = chainKdf(send.chainKey)
  const enableKem = pq ?? state.enableKem
  const next: RatchetState = {
    ...state,
    maxVersion: Math.max(maxVersion, pq === true ? kemSince : version) as E2eVersion,
    enableKem,
    supportKem: state.supportKem || (version >= kemSince && enableKem),
    send: { ...send, chainKey },
    // As the reference's 32-bit counter.
    sendNumber: (sendNumber + 1) >>> 0,
    kem: pq === false ? kem && { ...kem, ciphertext: null } : kem,
  }
  const header = encode(messageHeader(version), {
    maxVersion: next.maxVersion,
    dhKey: state.dhPublicKey,
    kem: kem && kemParamsOf(kem),
    pn: state.previousCount,
    ns: sendNumber,
  })
  const padded = pad(header, paddedHeaderLength(version, next.supportKem))
  const sealed = encryptAesGcm(send.headerKey, headerIv, associatedData, padded)
  const encHeader = encode(encryptedHeader, { version, iv: headerIv, ...sealed })
  return { state: next, key: { version, messageKey, iv: messageIv, associatedData, encHeader } }
}

function kemParamsOf({ keys, ciphertext }: RatchetKem): KemParams {
  return ciphertext ? { type: 'accepted', ciphertext, key: keys.publicKey } : { type: 'proposed', key: keys.publicKey }
}

/**
 * The whole message: the body padded to `paddedLength` bytes, and 140, 142 or 2364 bytes for header and tag.
 * @throws RatchetError `LARGE` if the body is longer than `paddedLength` - 2 bytes
 */
export function encryptBody(key: MessageKey, body: Uint8Array, paddedLength: number): Uint8Array {
  const { version, messageKey, iv, associatedData, encHeader } = key
  const { tag, ciphertext } = encryptAesGcm(
    messageKey,
    iv,
    concat(associatedData, encHeader),
    paddedBody(body, paddedLength),
  )
  return joinMessage(version, encHeader, tag, ciphertext)
}

function paddedBody(body: Uint8Array, paddedLength: number): Uint8Array {
  try {
    return pad(body, paddedLength)
  } catch (cause) {
    if (!(cause instanceof EncodeError)) throw cause
    throw new RatchetError('LARGE', `expected a body of at most ${paddedLength - 2} bytes, got ${body.length}`, {
      cause,
    })
  }
}

/** Header and body at once. @throws RatchetError `RATCHET_STATE`, `LARGE` */
export function encrypt(
  state: RatchetState,
  body: Uint8Array,
  paddedLength: number,
  options: EncryptOptions = {},
): { state: RatchetState; message: Uint8Array } {
  const { state: next, key } = encryptHeader(state, options)
  return { state: next, message: encryptBody(key, body, paddedLength) }
}
