// test-vectors/smp/README.md, encoding: spec 01.
import { sha256 } from '@smpkit/crypto'
import {
  bool,
  type Codec,
  decode,
  encode,
  fromBase64url,
  int64,
  largeBytes,
  list,
  mapped,
  nonce,
  nonceFromBytes,
  nonceFromText,
  optional,
  pad,
  record,
  reverseNonce,
  seconds,
  shortBytes,
  text,
  toBase64url,
  unpad,
  versionRange,
  versionRangeFromText,
  versionRangeToText,
  word16,
  word32,
} from '@smpkit/encoding'
import {
  binaryOperations,
  type Fields,
  type Form,
  fromHex,
  type Json,
  operation,
  partialOperation,
  type Suite,
  textOperations,
  toBigInt,
} from './case.js'

/** A data type by its codec and the way from its JSON form to a value. */
export function form<T>(codec: Codec<T>, fromJson: (json: Json) => T): Form {
  return { encode: (json) => encode(codec, fromJson(json)), decode: (bytes) => decode(codec, bytes) }
}

const asIs = (json: Json) => json as never
const hex = (json: Json) => fromHex(json as string)
const hexList = (json: Json) => (json as string[]).map(fromHex)
const orNull =
  <T>(convert: (json: Json) => T) =>
  (json: Json) =>
    json === null ? null : convert(json)

const tuple = mapped(
  record<{ a: Uint8Array; b: number; c: boolean }>({ a: shortBytes, b: word16, c: bool }),
  ({ a, b, c }) => [a, b, c] as const,
  ([a, b, c]) => ({ a, b, c }),
)

const forms: Readonly<Record<string, Form>> = {
  bool: form(bool, asIs),
  word16: form(word16, asIs),
  word32: form(word32, asIs),
  version: form(word16, asIs),
  int64: form(int64, toBigInt),
  time: form(seconds, asIs),
  bytes: form(shortBytes, hex),
  largeBytes: form(largeBytes, hex),
  text: form(text, asIs),
  nonce: form(nonce, hex),
  optBytes: form(optional(shortBytes), orNull(hex)),
  optBool: form(optional(bool), asIs),
  optWord16: form(optional(word16), asIs),
  nonEmptyBytes: form(list(shortBytes, 1), hexList),
  nonEmptyLarge: form(list(largeBytes, 1), hexList),
  versionRange: form(versionRange, asIs),
  tupleBytesWord16Bool: form(tuple, (json) => {
    const [a, b, c] = json as [string, number, boolean]
    return [fromHex(a), b, c] as const
  }),
}

interface TextForm {
  encode(value: Json): string
  decode(text: string): unknown
}

const textForms: Readonly<Record<string, TextForm>> = {
  base64url: { encode: (json) => toBase64url(hex(json)), decode: fromBase64url },
  versionRange: { encode: (json) => versionRangeToText(asIs(json)), decode: versionRangeFromText },
  nonce: { encode: (json) => toBase64url(hex(json)), decode: nonceFromText },
}

/** The entry of a table of data types. */
export function ofType<T>(types: Readonly<Record<string, T>>, type: string | undefined): T {
  const found = types[type ?? '']
  if (found === undefined) throw new Error(`unknown type ${type}`)
  return found
}

function padded(input: Fields) {
  const message = input.has('message')
    ? input.bytes('message')
    : new Uint8Array(input.number('messageLength')).fill(Number.parseInt(input.text('fill'), 16))
  const bytes = pad(message, input.number('paddedLength'))
  return { padded: bytes, length: bytes.length, sha256: sha256(bytes) }
}

export const encodingSuite: Suite = {
  ops: {
    ...binaryOperations(({ type }) => ofType(forms, type)),
    ...textOperations(({ type }) => ofType(textForms, type)),
    'nonce-from-bytes': operation((input) => ({ nonce: nonceFromBytes(input.bytes('bytes')) })),
    'nonce-reverse': operation((input) => ({ nonce: reverseNonce(input.bytes('nonce')) })),
    pad: partialOperation(padded),
    'pad-large': partialOperation(padded),
    unpad: operation((input) => ({ message: unpad(input.bytes('padded')) })),
  },
}
