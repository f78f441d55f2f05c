// Spec 04 §2, §3: what a server and a client do with each transmission of a block, before anything is looked up.
import type { AuthorizedCommand } from './authorization.js'
import { type BrokerMessage, type Command, commandFormat, definitionOf, messageFormat, messages } from './commands.js'
import { cmd, type ErrorType } from './error-type.js'
import { ParseError } from './errors.js'
import type { SmpSession } from './session.js'
import { authorizedBytes, parseAuthorization, parseTransmission } from './transmission.js'

const empty = new Uint8Array(0)

/** What a server answers at once. */
export interface ErrorResponse {
  readonly corrId: Uint8Array
  readonly entityId: Uint8Array
  readonly error: ErrorType
}

/** A message that a client read, or what is wrong with it. */
export type ReceivedMessage = { readonly corrId: Uint8Array; readonly entityId: Uint8Array } & (
  | { readonly message: BrokerMessage; readonly error?: undefined }
  | { readonly error: ErrorType; readonly message?: undefined }
)

/** Reads one transmission of a client and checks that it carries the credentials that its command needs. */
export function receiveCommand(session: SmpSession, bytes: Uint8Array): AuthorizedCommand | ErrorResponse {
  let corrId: Uint8Array = empty
  let entityId: Uint8Array = empty
  try {
    const transmission = parseTransmission(session.version, bytes)
    corrId = transmission.corrId
    const authorization = parseAuthorization(transmission)
    if (authorization === undefined) return { corrId, entityId, error: { code: 'BLOCK' } }
    entityId = transmission.entityId
    const command = commandFormat(session.version).read(transmission.command)
    const error = checkCredentials(command, authorization !== null, entityId.length > 0)
    if (error) return { corrId, entityId, error }
    const authorized = authorizedBytes(session.sessionId, transmission.body)
    return { corrId, entityId, authorization, authorized, command }
  } catch (error) {
    return { corrId, entityId, error: answerTo(error) }
  }
}

function checkCredentials({ tag }: Command, hasAuth: boolean, hasEntity: boolean): ErrorType | null {
  const { auth, entity } = definitionOf(tag)
  if (auth === 'required' && (!hasAuth || (entity === 'required' && !hasEntity))) return cmd('NO_AUTH')
  if (entity === 'required' && !hasEntity) return cmd('NO_ENTITY')
  if ((auth === 'absent' && hasAuth) || (entity === 'absent' && hasEntity)) return cmd('HAS_AUTH')
  return null
}

/** Reads one transmission of a server. Authorizations in it are not looked at. */
export function receiveMessage(session: SmpSession, bytes: Uint8Array): ReceivedMessage {
  let corrId: Uint8Array = empty
  let entityId: Uint8Array = empty
  try {
    const transmission = parseTransmission(session.version, bytes)
    corrId = transmission.corrId
    entityId = transmission.entityId
    const message = messageFormat(session.version).read(transmission.command)
    const { entity } = messages[message.tag]
    if (entity === 'empty' && entityId.length > 0) return { corrId, entityId, error: cmd('HAS_AUTH') }
    if (entity === 'id' && entityId.length === 0) return { corrId, entityId, error: cmd('NO_ENTITY') }
    return { corrId, entityId, message }
  } catch (error) {
    return { corrId, entityId, error: answerTo(error) }
  }
}

/** The protocol's name for what is wrong with bytes. */
export function answerTo(error: unknown): ErrorType {
  if (!(error instanceof ParseError)) throw error
  return error.code === 'BLOCK' ? { code: 'BLOCK' } : cmd(error.code)
}
