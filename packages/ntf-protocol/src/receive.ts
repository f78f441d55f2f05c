// Spec 20 §4, §8, §11: what a server and a client do with a block, before anything is looked up.
import { type Authorization, cmd, type ErrorType, ParseError, parseBlock } from '@smpkit/smp-commands'
import { answerTo } from '@smpkit/smp-commands/internal'
import { type NtfCommand, ntfCommandFormat, ntfCommands } from './commands.js'
import { type NtfResponse, ntfResponseFormat, ntfResponses } from './responses.js'
import type { NtfSession } from './session.js'
import { type NtfTransmission, parseNtfTransmission } from './transmission.js'
import { has } from './versions.js'

const empty = new Uint8Array(0)

/** What is wrong with a transmission, and the ids that the answer echoes. */
export interface NtfFault {
  readonly corrId: Uint8Array
  readonly entityId: Uint8Array
  readonly error: ErrorType
}

/** A command that a server read, with what is needed to check its authorization, or what is to be answered at once. */
export type ReceivedCommand =
  | NtfFault
  | {
      readonly corrId: Uint8Array
      readonly entityId: Uint8Array
      readonly command: NtfCommand
      readonly authorization: Authorization | null
      readonly authorized: Uint8Array
    }

/** A response that a client read, or what is wrong with it. */
export type ReceivedResponse =
  | NtfFault
  | {
      readonly corrId: Uint8Array
      readonly entityId: Uint8Array
      readonly response: NtfResponse
    }

/**
 * Reads the content of one block of a client, and checks that each command carries the credentials that it needs. Never
 * throws: a malformed block is one item with the error `BLOCK` and empty ids. Arrays are views into the block.
 */
export function receiveCommands(end: NtfSession, content: Uint8Array): ReceivedCommand[] {
  return receive(end, content, (transmission): ReceivedCommand => {
    const { corrId, entityId, authorization = null } = transmission
    const command = ntfCommandFormat(end.version).read(transmission.command)
    const error = checkCredentials(command, authorization !== null, entityId.length > 0)
    if (error) return { corrId, entityId, error }
    return { corrId, entityId, command, authorization, authorized: transmission.authorized() }
  })
}

function checkCredentials({ tag }: NtfCommand, hasAuth: boolean, hasEntity: boolean): ErrorType | null {
  const { auth, entity } = ntfCommands[tag]
  if (auth === 'required' && !hasAuth) return cmd('NO_AUTH')
  if (entity === 'required' && !hasEntity) return cmd('NO_AUTH')
  if ((auth === 'absent' && hasAuth) || (entity === 'absent' && hasEntity)) return cmd('HAS_AUTH')
  return null
}

/** The same for the content of one block of a server. Authorizations in it are not looked at. */
export function receiveResponses(end: NtfSession, content: Uint8Array): ReceivedResponse[] {
  return receive(end, content, (transmission): ReceivedResponse => {
    const { corrId, entityId } = transmission
    const response = ntfResponseFormat(end.version).read(transmission.command)
    const { entity } = ntfResponses[response.tag]
    if (entity === 'empty' && entityId.length > 0) return { corrId, entityId, error: cmd('HAS_AUTH') }
    if (entity === 'id' && entityId.length === 0) return { corrId, entityId, error: cmd('NO_ENTITY') }
    return { corrId, entityId, response }
  })
}

/** Reads each transmission of a block with `read`, which may throw ParseErrors. */
function receive<T>(
  end: NtfSession,
  content: Uint8Array,
  read: (transmission: NtfTransmission) => T,
): (T | NtfFault)[] {
  let transmissions: Uint8Array[]
  try {
    transmissions = has(end.version, 'batching') ? parseBlock(content) : [content]
  } catch (error) {
    return [faultOf(error, empty, empty)]
  }
  return transmissions.map((bytes) => {
    let corrId: Uint8Array = empty
    let entityId: Uint8Array = empty
    try {
      const transmission = parseNtfTransmission(end, bytes)
      corrId = transmission.corrId
      if (transmission.authorization === undefined) throw new ParseError('BLOCK', 'expected an authorization or none')
      if (!transmission.ofSession) return { corrId, entityId, error: { code: 'SESSION' } }
      entityId = transmission.entityId
      return read(transmission)
    } catch (error) {
      return faultOf(error, corrId, entityId)
    }
  })
}

const faultOf = (error: unknown, corrId: Uint8Array, entityId: Uint8Array): NtfFault => ({
  corrId,
  entityId,
  error: answerTo(error),
})
