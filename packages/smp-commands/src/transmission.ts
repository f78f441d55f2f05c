// Spec 04 §2: transmissions, a command or message with its authorization, correlation id and entity.
import { DecodeError, Reader, shortLived, Writer } from '@smpkit/encoding'
import { ParseError } from './errors.js'
import { has, type SmpVersion } from './versions.js'

/** Length of the correlation ids that clients make; they are nonces, too. */
export const corrIdLength = 24

/** What the length of an authorization says of it: 64, 114 or 80 bytes. */
export type AuthorizationKind = 'ed25519' | 'ed448' | 'authenticator'

export interface Authorization {
  readonly kind: AuthorizationKind
  readonly auth: Uint8Array
  /** The second signature, 64 bytes, in sessions with a service (version 16 and later). */
  readonly serviceSignature: Uint8Array | null
}

/** A transmission as it was read. Arrays are views into its block. */
export interface Transmission {
  readonly corrId: Uint8Array
  readonly entityId: Uint8Array
  /** Tag and parameters. */
  readonly command: Uint8Array
  /** `auth` and, where present, the service signature, not yet understood. */
  readonly auth: Uint8Array
  readonly serviceSignature: Uint8Array | null
  /** Everything behind the authorization; with the session id before it, this is what an authorization covers. */
  readonly body: Uint8Array
}

const absent = 0x30
const present = 0x31
const empty = new Uint8Array(0)

/** Writes the part of a transmission that authorizations cover, without the session id. */
export function writeBody(
  writer: Writer,
  corrId: Uint8Array,
  entityId: Uint8Array,
  command: (w: Writer) => void,
): void {
  writer.shortBytes(corrId)
  writer.shortBytes(entityId)
  command(writer)
}

/** Puts the authorization before a body. `auth` empty: none. */
export function joinTransmission(
  version: SmpVersion,
  auth: Uint8Array,
  serviceSignature: Uint8Array | null,
  body: Uint8Array,
): Uint8Array {
  const slot = has(version, 'serviceCertificates') && auth.length > 0
  const slotLength = slot ? (serviceSignature ? 2 + serviceSignature.length : 1) : 0
  const bodyAt = 1 + auth.length + slotLength
  const bytes = shortLived(bodyAt + body.length)
  bytes[0] = auth.length
  bytes.set(auth, 1)
  if (slot) bytes[1 + auth.length] = serviceSignature ? present : absent
  if (slot && serviceSignature) {
    bytes[2 + auth.length] = serviceSignature.length
    bytes.set(serviceSignature, 3 + auth.length)
  }
  bytes.set(body, bodyAt)
  return bytes
}

/** A transmission without authorization: what servers send, and commands that nobody authorizes. */
export function plainTransmission(corrId: Uint8Array, entityId: Uint8Array, command: (w: Writer) => void): Uint8Array {
  const writer = new Writer(96)
  writer.shortBytes(empty)
  writeBody(writer, corrId, entityId, command)
  return writer.view()
}

/** @throws ParseError `BLOCK` */
export function parseTransmission(version: SmpVersion, bytes: Uint8Array): Transmission {
  const reader = new Reader(bytes)
  try {
    const auth = reader.shortBytes()
    const serviceSignature =
      has(version, 'serviceCertificates') && auth.length > 0 ? readServiceSignature(reader) : null
    const start = reader.position
    const corrId = reader.shortBytes()
    const entityId = reader.shortBytes()
    const command = reader.tail()
    return { corrId, entityId, command, auth, serviceSignature, body: bytes.subarray(start) }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new ParseError('BLOCK', `malformed transmission: ${error.message}`, { cause: error })
  }
}

function readServiceSignature(reader: Reader): Uint8Array | null {
  const tag = reader.byte()
  if (tag === absent) return null
  const signature = tag === present ? reader.shortBytes() : undefined
  if (signature?.length !== 64) throw reader.invalid('expected no service signature or one of 64 bytes')
  return signature
}

/** `undefined` where the length is that of no authorization; `null` where there is none. */
export function parseAuthorization({
  auth,
  serviceSignature,
}: Pick<Transmission, 'auth' | 'serviceSignature'>): Authorization | null | undefined {
  if (auth.length === 0) return null
  const kind = kindOfLength.get(auth.length)
  return kind && { kind, auth, serviceSignature }
}

const kindOfLength = new Map<number, AuthorizationKind>([
  [64, 'ed25519'],
  [114, 'ed448'],
  [80, 'authenticator'],
])

/** The bytes that an authorization covers: the session id, as a `str`, and the body. */
export function authorizedBytes(sessionId: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = shortLived(1 + sessionId.length + body.length)
  bytes[0] = sessionId.length
  bytes.set(sessionId, 1)
  bytes.set(body, 1 + sessionId.length)
  return bytes
}
