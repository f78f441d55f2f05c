// Spec 04 §8, 02 §7: PRXY and PFWD, for clients that this server is the proxy of.
import { CryptoError } from '@smpkit/crypto'
import { DecodeError, toMapKey } from '@smpkit/encoding'
import { type BrokerMessage, unwrapResponse, wrapTransmission } from '@smpkit/smp-commands'
import { broker as brokerError, RelayError } from '../relay-errors.js'
import { type Call, type Context, crypto, refuse } from './call.js'

/** Length of an encrypted inner block (02 §7). */
const maxForwarded = 16242

/** Answers later, outside the block: other commands of the connection do not wait for a relay. */
function answerLater({ broker, client, corrId, entityId }: Context, run: () => Promise<BrokerMessage>): null {
  const answer = async () => {
    try {
      return client.answer(corrId, entityId, await run())
    } catch (error) {
      const refusal = error instanceof RelayError ? refuse(error.error) : broker.fault(error)
      return client.answer(corrId, entityId, refusal)
    }
  }
  client.proxying.run(async () => client.outgoing.add([await answer()]))
  return null
}

export function startProxying(call: Call<'PRXY'>): BrokerMessage | null {
  const { broker, command } = call
  const { enabled } = broker.settings.proxy
  if (!enabled || !broker.isPassword(command.basicAuth)) return refuse({ code: 'PROXY', inner: { code: 'BASIC_AUTH' } })
  return answerLater(call, async () => {
    const { sessionId, versionRange, certChain, signedKey } = (await broker.relays.connect(command.server)).session
    return { tag: 'PKEY', sessionId, versionRange, certChain, signedKey }
  })
}

export function forward(call: Call<'PFWD'>): BrokerMessage | null {
  const { broker, corrId, entityId, command } = call
  const relay = broker.relays.ofSession(toMapKey(entityId))
  if (!relay) return refuse({ code: 'PROXY', inner: { code: 'NO_SESSION' } })
  const { fwdVersion, commandKey, encTransmission } = command
  // Inside RFWD it is longer, and would not fit a block.
  if (encTransmission.length > maxForwarded) return refuse({ code: 'LARGE_MSG' })
  const { sessionSecret } = relay.session
  return answerLater(call, async () => {
    const { corrId: proxyCorrId, answer } = await relay.forward((id) =>
      wrapTransmission(sessionSecret, id, { corrId, fwdVersion, commandKey, encTransmission }),
    )
    if (answer.error) return refuse(brokerError({ code: 'RESPONSE', text: answer.error.code }))
    const { message } = answer
    if (message.tag === 'ERR') return refuse({ code: 'PROXY', inner: { code: 'PROTOCOL', inner: message.error } })
    if (message.tag !== 'RRES') return refuse(brokerError({ code: 'UNEXPECTED', text: message.tag }))
    return openRelayResponse(sessionSecret, proxyCorrId, corrId, message.encFwdResponse)
  })
}

function openRelayResponse(
  secret: Uint8Array,
  proxyCorrId: Uint8Array,
  corrId: Uint8Array,
  encFwdResponse: Uint8Array,
): BrokerMessage {
  try {
    const response = unwrapResponse(secret, proxyCorrId, encFwdResponse)
    const isAnswer = toMapKey(response.corrId) === toMapKey(corrId)
    return isAnswer ? { tag: 'PRES', encResponse: response.encResponse } : crypto
  } catch (error) {
    if (error instanceof CryptoError) return crypto
    if (error instanceof DecodeError) return refuse(brokerError({ code: 'RESPONSE', text: error.code }))
    throw error
  }
}
