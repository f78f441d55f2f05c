// test-vectors/agent/README.md, ratchet.params, ratchet.x3dh, ratchet.kdf: spec 10.
import { encryptAesGcm, type PrivateKey } from '@smpkit/crypto'
import { DecodeError, decode, encode, equalBytes, pad, Reader } from '@smpkit/encoding'
import {
  decapsulate,
  type E2eParams,
  type E2eVersion,
  e2eParams,
  e2eParamsFromText,
  e2eParamsRange,
  e2eParamsToText,
  e2eProposedParams,
  encryptBody,
  type KemKeyPair,
  type KemParams,
  type KemProposed,
  type RatchetKeys,
  type RatchetRandom,
  startReceiving,
  startSending,
} from '@smpkit/ratchet'
import { chainKdf, encryptedHeader, messageHeader, paddedHeaderLength, rootKdf } from '@smpkit/ratchet/internal'
import {
  binaryOperations,
  Fields,
  type Form,
  isTypedError,
  type Json,
  operation,
  type Suite,
  type TypedError,
  textOperations,
  type VectorCase,
  VectorError,
} from './case.js'
import { ofType } from './encoding.js'
import { privateKeyIn, publicKeyIn, secretOf } from './keys.js'

export const ratchetErrorName = (error: TypedError) => (error instanceof DecodeError ? 'SYNTAX' : error.code)

function kemIn(fields: Fields): KemParams | null {
  if (!fields.has('kem')) return null
  const kem = fields.fields('kem')
  const key = kem.bytes('key')
  return kem.text('type') === 'accepted'
    ? { type: 'accepted', ciphertext: kem.bytes('ciphertext'), key }
    : { type: 'proposed', key }
}

export function proposedIn(fields: Fields): KemProposed | null {
  const kem = kemIn(fields)
  if (kem?.type === 'accepted') throw new VectorError('expected no accepted KEM')
  return kem
}

const keysIn = (fields: Fields) => ({
  key1: publicKeyIn(fields, 'key1', 'x448'),
  key2: publicKeyIn(fields, 'key2', 'x448'),
})

export function ratchetParamsIn(fields: Fields): E2eParams {
  return { version: fields.number('version'), ...keysIn(fields), kem: kemIn(fields) }
}

function rangeIn(json: Json) {
  const fields = new Fields(json)
  const versions = { min: fields.number('versionMin'), max: fields.number('versionMax') }
  return { versions, ...keysIn(fields), kem: proposedIn(fields) }
}

function rangeForm({ versions, ...rest }: ReturnType<typeof rangeIn>) {
  return { versionMin: versions.min, versionMax: versions.max, ...rest }
}

function headerForm(version: number): Form {
  const codec = messageHeader(version)
  return {
    encode(json) {
      const fields = new Fields(json)
      const [maxVersion, pn, ns] = ['maxVersion', 'pn', 'ns'].map((name) => fields.number(name)) as [
        number,
        number,
        number,
      ]
      return encode(codec, { maxVersion, dhKey: publicKeyIn(fields, 'dhKey', 'x448'), kem: kemIn(fields), pn, ns })
    },
    // What follows the last field is left for later versions.
    decode: (bytes) => codec.read(new Reader(bytes)),
  }
}

const paramsForms: Readonly<Record<string, Form>> = {
  e2eParams: {
    encode: (json) => encode(e2eParams, ratchetParamsIn(new Fields(json))),
    decode: (bytes) => decode(e2eParams, bytes),
  },
  e2eParamsProposed: {
    encode: (json) =>
      encode(e2eProposedParams, { ...ratchetParamsIn(new Fields(json)), kem: proposedIn(new Fields(json)) }),
    decode: (bytes) => decode(e2eProposedParams, bytes),
  },
  e2eParamsRange: {
    encode: (json) => encode(e2eParamsRange, rangeIn(json)),
    decode: (bytes) => rangeForm(decode(e2eParamsRange, bytes)),
  },
}

const binary = binaryOperations(({ kind, version = 0 }) =>
  kind === 'header' ? headerForm(version) : ofType(paramsForms, kind),
)
const textual = textOperations(() => ({
  encode: (json) => e2eParamsToText(rangeIn(json)),
  decode: (text) => rangeForm(e2eParamsFromText(text)),
}))

/** Text and binary cases have the same names for their operations. */
function eitherOf(op: string) {
  const [ofBinary, ofText] = [binary[op], textual[`text-${op}`]]
  if (!ofBinary || !ofText) throw new Error(`expected an operation ${op}`)
  const chosen = (vector: VectorCase) => (vector.kind === 'e2eParamsText' ? ofText : ofBinary)
  return {
    actual: (vector: VectorCase) => chosen(vector).actual(vector),
    expected: (vector: VectorCase) => chosen(vector).expected(vector),
  }
}

export const ratchetParamsSuite: Suite = {
  ops: { roundtrip: eitherOf('roundtrip'), encode: eitherOf('encode'), decode: eitherOf('decode') },
  errorName: ratchetErrorName,
}

export function ratchetKeysIn(fields: Fields): RatchetKeys {
  return {
    key1: privateKeyIn(fields, 'key1', 'x448'),
    key2: privateKeyIn(fields, 'key2', 'x448'),
    kem: fields.has('kem') ? keyPairIn(fields.fields('kem')) : null,
  }
}

function keyPairIn(fields: Fields): KemKeyPair {
  return { publicKey: fields.bytes('publicKey'), secretKey: fields.bytes('secretKey') }
}

/** Gives recorded values, each once. More is a fault of ours. */
export function recordedRandom(x448: readonly PrivateKey<'x448'>[], kem: Fields | undefined): RatchetRandom {
  const left = [...x448]
  const recorded = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('expected no more random values to be taken')
    return value
  }
  return {
    x448: () => recorded(left.shift()),
    kemKeyPair: () => keyPairIn(recorded(kem)),
    encapsulate: () => {
      const values = recorded(kem)
      return { ciphertext: values.bytes('ciphertext'), sharedSecret: values.bytes('sharedSecret') }
    },
  }
}

/** The joiner's parameters and ratchet, of its recorded keys. */
export function joinerOf(fields: Fields, peer: Parameters<typeof startSending>[0], maxVersion?: E2eVersion) {
  const { key1, key2, kem } = ratchetKeysIn(fields)
  const random = recordedRandom(
    [key1, key2, privateKeyIn(fields, 'ratchetKey', 'x448')],
    kem ? fields.fields('kem') : undefined,
  )
  return startSending(peer, maxVersion ? { pqSupport: kem !== null, maxVersion } : { pqSupport: kem !== null }, random)
}

function initiatorOutputs(keys: RatchetKeys, params: E2eParams) {
  const state = startReceiving(keys, params, { pqSupport: keys.kem !== null })
  return {
    assocData: state.associatedData,
    headerKey: state.nextReceiveHeaderKey,
    nextHeaderKey: state.nextSendHeaderKey,
    rootKey: state.rootKey,
    kemSharedSecret:
      params.kem?.type === 'accepted' && keys.kem ? decapsulate(keys.kem.secretKey, params.kem.ciphertext) : null,
  }
}

export const ratchetX3dhSuite: Suite = {
  ops: {
    agree: operation((input) => {
      const { params, state } = joinerOf(
        input.fields('joiner'),
        decode(e2eProposedParams, input.bytes('initiatorParams')),
      )
      if (!equalBytes(encode(e2eParams, params), input.bytes('joinerParams'))) {
        throw new Error('expected the recorded parameters of the joiner')
      }
      const outputs = initiatorOutputs(ratchetKeysIn(input.fields('initiator')), params)
      if (!equalBytes(outputs.assocData, state.associatedData)) throw new Error('expected the same associated data')
      return {
        ...outputs,
        joinerRatchet: {
          rootKey: state.rootKey,
          sendChainKey: state.send?.chainKey,
          sendHeaderKey: state.send?.headerKey,
          nextSendHeaderKey: state.nextSendHeaderKey,
          nextReceiveHeaderKey: state.nextReceiveHeaderKey,
        },
      }
    }),
    agreeInitiator: operation((input) => {
      try {
        return initiatorOutputs(ratchetKeysIn(input), decode(e2eParams, input.bytes('joinerParams')))
      } catch (error) {
        if (isTypedError(error)) return { error: ratchetErrorName(error) }
        throw error
      }
    }),
  },
}

export const ratchetKdfSuite: Suite = {
  ops: {
    rootKdf: operation((input) =>
      rootKdf(
        input.bytes('rootKey'),
        secretOf(input, 'dhKey', 'peerDhKey'),
        input.has('kemSharedSecret') ? input.bytes('kemSharedSecret') : null,
      ),
    ),
    chainKdf: operation((input) => chainKdf(input.bytes('chainKey'))),
    aead: operation((input) =>
      encryptAesGcm(
        input.bytes('key'),
        input.bytes('iv'),
        input.bytes('assocData'),
        pad(input.bytes('body'), input.number('paddedLength')),
      ),
    ),
    seal: operation((input) => {
      const version = input.number('version') as E2eVersion
      const [iv, associatedData] = [input.bytes('headerIv'), input.bytes('assocData')]
      const header = pad(input.bytes('header'), paddedHeaderLength(version, input.boolean('supportKem')))
      const sealed = encryptAesGcm(input.bytes('headerKey'), iv, associatedData, header)
      const encHeader = encode(encryptedHeader, { version, iv, ...sealed })
      const key = { version, messageKey: input.bytes('messageKey'), iv: input.bytes('messageIv') }
      return {
        encHeader,
        message: encryptBody({ ...key, associatedData, encHeader }, input.bytes('body'), input.number('paddedLength')),
      }
    }),
  },
}
