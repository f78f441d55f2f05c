// test-vectors/ntf/README.md, ntf.command, ntf.response, ntf.address, ntf.text: spec 20 §6–§10, §13.
import { fromBase64url, toBase64url, Writer } from '@smpkit/encoding'
import {
  deviceTokenFromJson,
  deviceTokenFromText,
  deviceTokenToJson,
  deviceTokenToText,
  type NtfVersion,
  notifierQueueToText,
  ntfAddressToText,
  ntfCommandFormat,
  ntfResponseFormat,
  parseNotifierQueue,
  parseNtfAddress,
} from '@smpkit/ntf-protocol'
import {
  binaryOperations,
  Fields,
  type Form,
  fromHex,
  type Json,
  type Operation,
  operation,
  type Suite,
  type VectorCase,
  VectorError,
} from './case.js'
import { ofType } from './encoding.js'
import {
  addressIn,
  addressOut,
  commandIn,
  commandOut,
  deviceTokenIn,
  queueIn,
  queueOut,
  responseIn,
} from './ntf-values.js'

export function ntfVersionOf({ version }: VectorCase): NtfVersion {
  if (version === undefined) throw new VectorError('expected a version')
  return version as NtfVersion
}

function written<T>(format: { write(writer: Writer, value: T): void }, value: T): Uint8Array {
  const writer = new Writer()
  format.write(writer, value)
  return writer.bytes()
}

export const ntfCommandSuite: Suite = {
  ops: binaryOperations((vector) => {
    const format = ntfCommandFormat(ntfVersionOf(vector))
    return {
      encode: (json) => written(format, commandIn(json)),
      decode: (bytes) => commandOut(format.read(bytes)),
    }
  }),
}

export const ntfResponseSuite: Suite = {
  ops: binaryOperations((vector) => {
    const format = ntfResponseFormat(ntfVersionOf(vector))
    return { encode: (json) => written(format, responseIn(json)), decode: format.read }
  }),
}

const ascii = (bytes: Uint8Array) => String.fromCharCode(...bytes)

/** A text form: in the vectors its bytes, which are read with `decode`; some have another canonical text. */
interface TextForm<T> {
  encode(value: Fields): string
  decode(text: string): T
  toJson(value: T): object
  canonical(value: T): string
}

function textForms<T>(formOf: (vector: VectorCase) => TextForm<T>): Record<string, Operation> {
  const asForm = (vector: VectorCase): Form => {
    const form = formOf(vector)
    return {
      encode: (json) => new TextEncoder().encode(form.encode(new Fields(json))),
      decode: (bytes) => form.toJson(form.decode(ascii(bytes))),
    }
  }
  return {
    ...binaryOperations(asForm),
    decode: {
      actual: (vector) => {
        const form = formOf(vector)
        const value = form.decode(ascii(fromHex(vector.bytes ?? '')))
        return { value: form.toJson(value), canonical: vector.canonical === undefined ? null : form.canonical(value) }
      },
      expected: ({ value = null, canonical = null }) => ({ value, canonical }),
    },
  }
}

/** As the reference writes it: without brackets. */
const reference = { brackets: false } as const

export const ntfAddressSuite: Suite = {
  ops: textForms(() => ({
    encode: (value) => ntfAddressToText(addressIn(value), reference),
    decode: parseNtfAddress,
    toJson: addressOut,
    canonical: (address) => ntfAddressToText(address, reference),
  })),
}

function form<T>(textForm: TextForm<T>): TextForm<unknown> {
  return textForm as TextForm<unknown>
}

const forms: Readonly<Record<string, TextForm<unknown>>> = {
  deviceToken: form({
    encode: (value) => deviceTokenToText(deviceTokenIn(value)),
    decode: deviceTokenFromText,
    toJson: (value) => value,
    canonical: deviceTokenToText,
  }),
  queue: form({
    encode: (value) => notifierQueueToText(queueIn(value)),
    decode: parseNotifierQueue,
    toJson: queueOut,
    canonical: notifierQueueToText,
  }),
  // The text form of bytes, which may be none here.
  regCode: form({
    encode: (value) => toBase64url(value.bytes('code')),
    decode: (text) => (text === '' ? new Uint8Array(0) : fromBase64url(text)),
    toJson: (code) => ({ code }),
    canonical: toBase64url,
  }),
}

export const ntfTextSuite: Suite = {
  ops: {
    ...textForms(({ type }) => ofType(forms, type)),
    toJson: operation((input) => ({ json: deviceTokenToJson(deviceTokenIn(input)) })),
    fromJson: operation((input) => deviceTokenFromJson(input.get('json') satisfies Json)),
  },
}
