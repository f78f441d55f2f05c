// test-vectors/agent/README.md, queue-info, agent.envelope, agent.message, agent.client-message, agent.hash: spec 11.
import { dh } from '@smpkit/crypto'
import { type Codec, decode, encode, tail, type Value } from '@smpkit/encoding'
import {
  agentEnvelope,
  agentMessage,
  appendMessage,
  chainEnd,
  clientEnvelope,
  clientMessageOf,
  integrityOf,
  integrityToText,
  openClientBody,
  sealClientBody,
} from '@smpkit/smp-agent/internal'
import { connectionRequestToText, PeerError } from '@smpkit/smp-agent/links'
import { queueAddress, queueInfo, queueUri, serverAddress } from '@smpkit/smp-commands/address'
import { fromAgentJson, toAgentJson } from './agent-values.js'
import {
  binaryOperations,
  type Form,
  isTypedError,
  type Operation,
  operation,
  type Suite,
  type TypedError,
  toBigInt,
  VectorError,
} from './case.js'
import { privateKeyIn, publicKeyIn } from './keys.js'

/** A data type of these suites by its codec. */
export function agentForm<T>(codec: Codec<T>): Form {
  return {
    encode: (json) => encode(codec, fromAgentJson(json) as T),
    decode: (bytes) => toAgentJson(decode(codec, bytes)),
  }
}

/** The form that the field `kind` names. */
export function ofKind(forms: Readonly<Record<string, Form>>) {
  return ({ kind = '' }: { readonly kind?: string }): Form => {
    const form = Object.hasOwn(forms, kind) ? forms[kind] : undefined
    if (!form) throw new VectorError(`unknown kind ${kind}`)
    return form
  }
}

/** The vectors have one name for whatever is wrong with bytes or texts. */
export const syntaxErrors = () => 'SYNTAX'

/** An operation whose errors stand in its outputs, by the name that `nameOf` gives them. */
export function failing(whole: Operation, nameOf: (error: TypedError) => string): Operation {
  return {
    ...whole,
    actual(vector) {
      try {
        return whole.actual(vector)
      } catch (error) {
        if (!isTypedError(error) || error instanceof VectorError) throw error
        return { error: nameOf(error) }
      }
    },
  }
}

export const queueInfoSuite: Suite = {
  errorName: syntaxErrors,
  ops: binaryOperations(
    ofKind({
      queueInfo: agentForm(queueInfo),
      queueUri: agentForm(queueUri),
      server: agentForm(serverAddress),
      queueAddress: agentForm(queueAddress),
    }),
  ),
}

export const agentMessageSuite: Suite = {
  errorName: syntaxErrors,
  ops: binaryOperations(() => agentForm(agentMessage)),
}

const envelopeForm = agentForm(agentEnvelope)

export const agentEnvelopeSuite: Suite = {
  errorName: syntaxErrors,
  ops: binaryOperations(() => ({
    encode: envelopeForm.encode,
    // The vectors also say how the request is written.
    decode(bytes) {
      const envelope = decode(agentEnvelope, bytes)
      const json = toAgentJson(envelope)
      return envelope.type === 'invitation'
        ? { ...(json as object), connReqText: connectionRequestToText(envelope.connReq) }
        : json
    },
  })),
}

const clientErrors = (error: TypedError) =>
  error instanceof PeerError
    ? ({ A_CRYPTO: 'DECRYPT_CB', A_MESSAGE: 'PADDING' }[error.code as string] ?? error.code)
    : error.code

export const clientMessageSuite: Suite = {
  errorName: syntaxErrors,
  ops: {
    ...binaryOperations(
      ofKind({ clientMessage: agentForm(clientMessageOf(tail)), clientEnvelope: agentForm(clientEnvelope) }),
    ),
    encrypt: failing(
      operation((input) => {
        const senderKey = privateKeyIn(input, 'senderKey', 'x25519')
        const sharedSecret = dh(senderKey, publicKeyIn(input, 'recipientPublicKey', 'x25519'))
        const dhKey = input.boolean('includeSenderKey') ? senderKey.publicKey : null
        const options = { clientVersion: input.number('clientVersion'), dhKey, nonce: input.bytes('nonce') }
        const body = sealClientBody(sharedSecret, options, input.number('paddedLength'), (w) =>
          w.raw(input.bytes('message')),
        )
        return { sharedSecret, body }
      }),
      clientErrors,
    ),
    decrypt: failing(
      operation((input) => {
        const envelope = decode(clientEnvelope, input.bytes('body'))
        const senderKey = envelope.dhKey ?? publicKeyIn(input, 'senderPublicKey', 'x25519')
        const message = openClientBody(dh(privateKeyIn(input, 'recipientKey', 'x25519'), senderKey), envelope)
        return { clientVersion: envelope.clientVersion, senderDhKey: envelope.dhKey, message }
      }),
      clientErrors,
    ),
  },
}

export const hashSuite: Suite = {
  ops: {
    hash: operation((input) => ({ hash: chainEnd(1n, input.bytes('bytes')).hash })),
    chain: operation((input) => {
      const first = encode(agentMessage, fromAgentJson(input.get('first')) as Value<typeof agentMessage>)
      let end = chainEnd(1n, first)
      const items = [{ sndMsgId: end.msgId, bytes: first, hash: end.hash }]
      for (const json of input.list('messages')) {
        const next = appendMessage(end, fromAgentJson(json) as Parameters<typeof appendMessage>[1])
        end = next.end
        items.push({ sndMsgId: end.msgId, bytes: next.bytes, hash: end.hash })
      }
      return { items }
    }),
    integrity: operation((input) => {
      const last = { msgId: toBigInt(input.get('lastId')), hash: input.bytes('lastHash') }
      const next = { sndMsgId: toBigInt(input.get('sndMsgId')), prevMsgHash: input.bytes('prevMsgHash') }
      return { integrity: integrityToText(integrityOf(last, next)) }
    }),
  },
}
