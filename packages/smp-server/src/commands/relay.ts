// Spec 04 §8, 02 §7: RFWD, for clients behind another server as proxy.
import { CryptoError, dh } from '@smpkit/crypto'
import { DecodeError, EncodeError, includes } from '@smpkit/encoding'
import {
  type BrokerMessage,
  cmd,
  type FwdTransmission,
  openTransmission,
  ParseError,
  packBlock,
  parseBlock,
  receiveCommand,
  type ServerSession,
  type SmpVersion,
  sealResponse,
  smpVersions,
  unwrapTransmission,
  wrapResponse,
} from '@smpkit/smp-commands'
import { transmissionOf } from '../client.js'
import { broker as brokerError } from '../relay-errors.js'
import { verify } from '../verify.js'
import { type Call, crypto, noResolver, prohibited, refuse } from './call.js'
import { executeOnQueue, type QueueTag } from './on-queue.js'

/** A command of somebody behind the proxy, executed as if it came over a connection of its own. */
export function relay(call: Call<'RFWD'>): BrokerMessage {
  const { client, corrId, command } = call
  const { sessionSecret, sessionKey } = client.session
  if (!sessionSecret) return refuse(brokerError({ code: 'TRANSPORT', inner: { code: 'NO_AUTH' } }))
  try {
    const fwd = unwrapTransmission(sessionSecret, corrId, command.encFwdTransmission)
    if (!includes(smpVersions, fwd.fwdVersion)) {
      return refuse(brokerError({ code: 'TRANSPORT', inner: { code: 'VERSION' } }))
    }
    const commandSecret = dh(sessionKey, fwd.commandKey)
    const response = packBlock([inner(call, fwd, openInner(commandSecret, fwd))])
    const encResponse = sealResponse(commandSecret, fwd.corrId, response)
    const encFwdResponse = wrapResponse(sessionSecret, corrId, { corrId: fwd.corrId, encResponse })
    return { tag: 'RRES', encFwdResponse }
  } catch (error) {
    return fault(error)
  }
}

function fault(error: unknown): BrokerMessage {
  if (error instanceof CryptoError) return crypto
  if (error instanceof DecodeError) return refuse(cmd('SYNTAX'))
  // More or fewer than one inner transmission, or a response that does not fit.
  const isBlock = error instanceof ParseError || (error instanceof EncodeError && error.code === 'LARGE')
  if (isBlock) return refuse({ code: 'BLOCK' })
  throw error
}

/** @throws CryptoError, ParseError */
function openInner(secret: Uint8Array, { corrId, encTransmission }: FwdTransmission): Uint8Array {
  let block: Uint8Array
  try {
    block = openTransmission(secret, corrId, encTransmission)
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause
    throw new CryptoError('DECRYPT', 'expected a padded block inside RFWD', { cause })
  }
  const [transmission, ...others] = parseBlock(block)
  if (!transmission || others.length > 0) {
    throw new ParseError('BLOCK', `expected one transmission inside RFWD, got ${1 + others.length}`)
  }
  return transmission
}

const allowed: ReadonlySet<QueueTag> = new Set<QueueTag>(['SEND', 'SKEY', 'LKEY', 'LGET'])
const isAllowed = (tag: string): tag is QueueTag => (allowed as ReadonlySet<string>).has(tag)

/** The transmission of the answer to the inner command. */
function inner(call: Call<'RFWD'>, fwd: FwdTransmission, bytes: Uint8Array): Uint8Array {
  const { broker, client, following } = call
  const session: ServerSession = { ...client.session, version: fwd.fwdVersion as SmpVersion, service: null }
  const received = receiveCommand(session, bytes)
  const { corrId, entityId } = received
  const answer = (message: BrokerMessage) => transmissionOf(session, corrId, entityId, message)
  if ('error' in received) return answer(refuse(received.error))
  const { tag } = received.command
  if (tag === 'RSLV') return answer(noResolver)
  if (!isAllowed(tag)) return answer(prohibited)
  const error = verify(broker.store, session, received)
  return answer(error ? refuse(error) : executeOnQueue({ broker, client, corrId, entityId, following }, received, tag))
}
