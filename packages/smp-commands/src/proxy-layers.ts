// Spec 02 §7: the layers of a command that is sent through a proxy, and of its response.
import { box, boxPadded, dhKey, openBox, openBoxPadded, type PublicKey } from '@smpkit/crypto'
import {
  type Codec,
  decode,
  encode,
  nonceFromBytes,
  record,
  reverseNonce,
  shortBytes,
  tail,
  word16,
} from '@smpkit/encoding'

/** What an inner block is padded to (02 §7): its content has at most 16224 bytes. Encrypted it has 16 bytes more. */
export const proxiedPaddedLength = 16226

/** Inside `RFWD`: what the client sent as `PFWD`, with the id that it gave it. */
export interface FwdTransmission {
  /** The client's correlation id of `PFWD`, 24 bytes. */
  corrId: Uint8Array
  /** The version that the inner block is written in. */
  fwdVersion: number
  /** Made by the client for this command. */
  commandKey: PublicKey<'x25519'>
  encTransmission: Uint8Array
}

/** Inside `RRES`: what the client gets as `PRES`. */
export interface FwdResponse {
  /** That of the `FwdTransmission`. */
  corrId: Uint8Array
  encResponse: Uint8Array
}

const fwdTransmission: Codec<FwdTransmission> = record<FwdTransmission>({
  corrId: shortBytes,
  fwdVersion: word16,
  commandKey: dhKey,
  encTransmission: tail,
})
const fwdResponse: Codec<FwdResponse> = record<FwdResponse>({ corrId: shortBytes, encResponse: tail })

const commandNonce = nonceFromBytes
const responseNonce = (corrId: Uint8Array) => reverseNonce(nonceFromBytes(corrId))

/**
 * Client: the content of the inner block (a batch of one transmission whose correlation id is `corrId`) becomes the tail of `PFWD`,
 * 16242 bytes. `commandSecret` is shared by the relay's key of `PKEY` and the command key.
 * @throws EncodeError `LARGE`
 */
export function sealTransmission(commandSecret: Uint8Array, corrId: Uint8Array, inner: Uint8Array): Uint8Array {
  return boxPadded(commandSecret, commandNonce(corrId), inner, proxiedPaddedLength)
}

/** Relay: the content of the inner block. @throws CryptoError `DECRYPT`, DecodeError */
export function openTransmission(
  commandSecret: Uint8Array,
  corrId: Uint8Array,
  encTransmission: Uint8Array,
): Uint8Array {
  return openBoxPadded(commandSecret, commandNonce(corrId), encTransmission)
}

/** Proxy: the tail of `RFWD`. `proxyCorrId` is the id of `RFWD`, `proxySecret` that of the session with the relay. */
export function wrapTransmission(proxySecret: Uint8Array, proxyCorrId: Uint8Array, fwd: FwdTransmission): Uint8Array {
  return box(proxySecret, commandNonce(proxyCorrId), encode(fwdTransmission, fwd))
}

/** Relay: what the proxy wrapped. @throws CryptoError `DECRYPT`, DecodeError */
export function unwrapTransmission(
  proxySecret: Uint8Array,
  proxyCorrId: Uint8Array,
  encFwdTransmission: Uint8Array,
): FwdTransmission {
  return decode(fwdTransmission, openBox(proxySecret, commandNonce(proxyCorrId), encFwdTransmission))
}

/** Relay: the content of the response's block becomes the tail of `PRES`, 16242 bytes. @throws EncodeError `LARGE` */
export function sealResponse(commandSecret: Uint8Array, corrId: Uint8Array, inner: Uint8Array): Uint8Array {
  return boxPadded(commandSecret, responseNonce(corrId), inner, proxiedPaddedLength)
}

/** Client: the content of the response's block. @throws CryptoError `DECRYPT`, DecodeError */
export function openResponse(commandSecret: Uint8Array, corrId: Uint8Array, encResponse: Uint8Array): Uint8Array {
  return openBoxPadded(commandSecret, responseNonce(corrId), encResponse)
}

/** Relay: the tail of `RRES`. */
export function wrapResponse(proxySecret: Uint8Array, proxyCorrId: Uint8Array, fwd: FwdResponse): Uint8Array {
  return box(proxySecret, responseNonce(proxyCorrId), encode(fwdResponse, fwd))
}

/** Proxy: what the relay wrapped. @throws CryptoError `DECRYPT`, DecodeError */
export function unwrapResponse(
  proxySecret: Uint8Array,
  proxyCorrId: Uint8Array,
  encFwdResponse: Uint8Array,
): FwdResponse {
  return decode(fwdResponse, openBox(proxySecret, responseNonce(proxyCorrId), encFwdResponse))
}
