// Spec 20 §4: transmissions, a command or response with its authorization, correlation id and entity.
import { concat, DecodeError, equalBytes, Reader, Writer } from '@smpkit/encoding'
import { type Authorization, ParseError, parseAuthorization } from '@smpkit/smp-commands'
import { authorizedBytes, writeBody } from '@smpkit/smp-commands/internal'
import type { NtfSession } from './session.js'
import { has } from './versions.js'

/** A transmission as it was read. Arrays are views into its block. */
export interface NtfTransmission {
  readonly corrId: Uint8Array
  readonly entityId: Uint8Array
  /** Tag and parameters. */
  readonly command: Uint8Array
  /** `null` where there is none, `undefined` where the length is that of none. */
  readonly authorization: Authorization | null | undefined
  /** Whether it is of this session; below version 2 it says so itself. */
  readonly ofSession: boolean
  /** Session id and everything behind it: what an authorization covers. */
  authorized(): Uint8Array
}

/** What an authorization covers. */
export function writeAuthorized(
  session: NtfSession,
  corrId: Uint8Array,
  entityId: Uint8Array,
  command: (w: Writer) => void,
): Uint8Array {
  const writer = new Writer()
  writer.shortBytes(session.sessionId)
  writeBody(writer, corrId, entityId, command)
  return writer.view()
}

/** Puts the authorization, which may be empty, before what it covers; from version 2 on the session id is not sent. */
export function joinNtfTransmission(session: NtfSession, auth: Uint8Array, authorized: Uint8Array): Uint8Array {
  const sent = has(session.version, 'batching') ? authorized.subarray(1 + session.sessionId.length) : authorized
  return concat(Uint8Array.of(auth.length), auth, sent)
}

/** @throws ParseError `BLOCK` */
export function parseNtfTransmission(session: NtfSession, bytes: Uint8Array): NtfTransmission {
  const { version, sessionId } = session
  const implied = has(version, 'batching')
  const reader = new Reader(bytes)
  try {
    const authorization = parseAuthorization({ auth: reader.shortBytes(), serviceSignature: null })
    const body = bytes.subarray(reader.position)
    const ofSession = implied || equalBytes(reader.shortBytes(), sessionId)
    return {
      corrId: reader.shortBytes(),
      entityId: reader.shortBytes(),
      command: reader.tail(),
      authorization,
      ofSession,
      authorized: () => (implied ? authorizedBytes(sessionId, body) : body),
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new ParseError('BLOCK', `malformed transmission: ${error.message}`, { cause: error })
  }
}
