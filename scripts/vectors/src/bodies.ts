// test-vectors/smp/README.md, crypto.rcv-body, crypto.nmsg-meta, crypto.proxy: spec 02 §5–§7.
import { openBox, openBoxPadded, sha256 } from '@smpkit/crypto'
import { nonceFromBytes, reverseNonce } from '@smpkit/encoding'
import {
  authorize,
  commandFormat,
  decodeRcvBody,
  decryptMsgBody,
  decryptNmsgMeta,
  encodeRcvBody,
  encryptMsgBody,
  encryptNmsgMeta,
  openResponse,
  openTransmission,
  packBlock,
  plainTransmission,
  type RcvBody,
  type SmpVersion,
  sealResponse,
  sealTransmission,
  smpVersions,
  unwrapResponse,
  unwrapTransmission,
  wrapResponse,
  wrapTransmission,
} from '@smpkit/smp-commands'
import { Fields, operation, partialOperation, type Suite } from './case.js'
import { privateKeyIn, publicKeyIn, secretOf } from './keys.js'
import { authKeyIn } from './transmission.js'

function bodyIn(input: Fields): RcvBody {
  const ts = input.number('ts')
  if (input.boolean('quota')) return { quota: true, ts }
  const body = input.has('body')
    ? input.bytes('body')
    : new Uint8Array(input.number('bodyLength')).fill(Number.parseInt(input.text('bodyFill'), 16))
  return { quota: false, ts, notification: input.boolean('notification'), body }
}

export const rcvBodySuite: Suite = {
  ops: {
    'rcv-body': partialOperation((input) => {
      const [secret, msgId] = [input.bytes('secretRaw'), input.bytes('msgId')]
      const enc = encryptMsgBody(secret, msgId, bodyIn(input))
      const plain = encodeRcvBody(decryptMsgBody(secret, msgId, enc))
      return { enc, encLength: enc.length, encPrefix: enc.subarray(0, 48), encSha256: sha256(enc), plain }
    }),
    'parse-rcv-body': operation((input) => decodeRcvBody(input.bytes('plain'))),
  },
}

export const nmsgMetaSuite: Suite = {
  ops: {
    'nmsg-meta': partialOperation((input) => {
      const [secret, nonce] = [input.bytes('secretRaw'), input.bytes('nonce')]
      const encMeta = encryptNmsgMeta(secret, nonce, { msgId: input.bytes('msgId'), ts: input.number('ts') })
      return { encMeta, plain: openBoxPadded(secret, nonce, encMeta) }
    }),
    'decrypt-nmsg-meta': operation((input) =>
      decryptNmsgMeta(input.bytes('secretRaw'), input.bytes('nonce'), input.bytes('encMeta')),
    ),
  },
}

const digest = (bytes: Uint8Array) => ({
  length: bytes.length,
  sha256: sha256(bytes),
  prefix: bytes.subarray(0, 64),
  bytes,
})

export const proxySuite: Suite = {
  isBelowV14: ({ in: input }) => new Fields(input ?? null).number('version') < smpVersions.min,
  ops: {
    // What is inside a layer is taken from the opened layer, so that both directions are seen.
    'proxy-layers': partialOperation((input) => {
      const commandSecret = secretOf(input, 'commandPrivateKey', 'relayPublicKey')
      const proxySecret = secretOf(input, 'proxyPrivateKey', 'proxyRelayPublicKey')
      const commandKey = privateKeyIn(input, 'commandPrivateKey', 'x25519').publicKey
      const [corrId, proxyCorrId] = [input.bytes('corrId'), input.bytes('proxyCorrId')]
      const entityId = input.bytes('entityId')
      const version = input.number('version') as SmpVersion

      const encTransmission = sealTransmission(commandSecret, corrId, innerBlock(input, version))
      const fwd = { corrId, fwdVersion: version, commandKey, encTransmission }
      const encFwdTransmission = wrapTransmission(proxySecret, proxyCorrId, fwd)
      const unwrapped = unwrapTransmission(proxySecret, proxyCorrId, encFwdTransmission)

      const response = plainTransmission(corrId, entityId, (w) => w.raw(input.bytes('response')))
      const encResponse = sealResponse(commandSecret, corrId, packBlock([response]))
      const encFwdResponse = wrapResponse(proxySecret, proxyCorrId, { corrId, encResponse })
      const unwrappedResponse = unwrapResponse(proxySecret, proxyCorrId, encFwdResponse)

      const nonce = nonceFromBytes(proxyCorrId)
      return {
        commandSecret,
        proxySecret,
        commandKey: unwrapped.commandKey,
        inner: openTransmission(commandSecret, unwrapped.corrId, unwrapped.encTransmission),
        encTransmission: digest(unwrapped.encTransmission),
        fwdTransmission: digest(openBox(proxySecret, nonce, encFwdTransmission)),
        encFwdTransmission: digest(encFwdTransmission),
        responseInner: openResponse(commandSecret, unwrappedResponse.corrId, unwrappedResponse.encResponse),
        encResponse: digest(unwrappedResponse.encResponse),
        fwdResponse: digest(openBox(proxySecret, reverseNonce(nonce), encFwdResponse)),
        encFwdResponse: digest(encFwdResponse),
      }
    }),
  },
}

/** The batch of one command that the client means for the relay. */
function innerBlock(input: Fields, version: SmpVersion): Uint8Array {
  const session = {
    version,
    sessionId: input.bytes('relaySessionId'),
    serverKey: publicKeyIn(input, 'relayPublicKey', 'x25519'),
    service: null,
  }
  const command = commandFormat(version).read(input.bytes('command'))
  const ids = { corrId: input.bytes('corrId'), entityId: input.bytes('entityId') }
  return packBlock([authorize(session, { ...ids, command, key: authKeyIn(input, 'authKey') }).transmission])
}
