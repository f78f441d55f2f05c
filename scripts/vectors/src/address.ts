// test-vectors/smp/README.md, address: spec 01 §3, §4.
import { type Codec, decode, encode } from '@smpkit/encoding'
import {
  parseQueueUri,
  parseServerAddress,
  type QueueUri,
  queueInfo,
  queueUri,
  queueUriToText,
  serverAddress,
  serverAddressToText,
} from '@smpkit/smp-commands/address'
import { binaryOperations, type Form, operation, type Suite } from './case.js'
import { ofType } from './encoding.js'
import { fromJson } from './values.js'

function form<T>(codec: Codec<T>): Form {
  return { encode: (json) => encode(codec, fromJson(json) as T), decode: (bytes) => decode(codec, bytes) }
}

const forms: Readonly<Record<string, Form>> = {
  server: form(serverAddress),
  queueUri: form(queueUri),
  queueInfo: form(queueInfo),
}

export const addressSuite: Suite = {
  ops: {
    ...binaryOperations(({ type }) => ofType(forms, type)),
    'server-text': operation((input) => {
      const address = parseServerAddress(input.text('text'))
      // As the reference writes it: without brackets.
      return { ...address, canonical: serverAddressToText(address, { brackets: false }) }
    }),
    'queue-uri-text': operation((input) => {
      const uri = parseQueueUri(input.text('text'))
      return { uri, canonical: queueUriToText(uri) }
    }),
    'queue-uri-encode': operation((_, { in: uri = null }) => ({ text: queueUriToText(fromJson(uri) as QueueUri) })),
  },
}
