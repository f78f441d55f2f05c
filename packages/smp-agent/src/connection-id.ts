// Spec 13 §13.13: connections and requests are known by 12 random bytes; applications get them as text.
import { randomBytes } from '@smpkit/crypto'
import { fromBase64url, toBase64urlUnpadded } from '@smpkit/encoding'
import { RequestError } from './errors.js'

/** 12 random bytes in base64url: 16 characters. */
export type ConnectionId = string

export const newId = (): Uint8Array => randomBytes(12)
export const idToText = (id: Uint8Array): ConnectionId => toBase64urlUnpadded(id)

/** @throws RequestError `NOT_FOUND` */
export function idFromText(id: ConnectionId): Uint8Array {
  if (typeof id === 'string' && /^[\w-]{16}$/.test(id)) return fromBase64url(id)
  throw new RequestError('NOT_FOUND', 'expected the id of a connection or request: 16 characters of base64url')
}
