import { PublicKey } from '@smpkit/crypto'
import { type Codec, DecodeError, decode, encode, mapped, toHex } from '@smpkit/encoding'
import { describe, expect, test } from 'vitest'
import {
  AddressError,
  type ParsedServerAddress,
  parseQueueUri,
  parseServerAddress,
  type QueueInfo,
  type QueueUri,
  queueInfo,
  queueUri,
  queueUriToText,
  type ServerAddress,
  serverAddress,
  serverAddressToText,
} from './address.js'
import { bytesOf, vectors } from './testing/vectors.js'

/** Addresses as the vectors write them. */
interface Plain {
  hosts: ServerAddress['hosts']
  port: string
  keyHash: string
  server: Plain
  senderId: string
  dhKey: string
}

interface Case {
  id: string
  op: string
  type?: string
  lax?: true
  error?: 'any'
  bytes?: string
  value?: Plain
  in?: Plain & { text: string }
  out?: Plain & { text: string; uri: Plain; canonical: string }
}

const plainServer = (a: ServerAddress) => ({ ...a, keyHash: toHex(a.keyHash) })
const serverOf = (a: Plain) => ({ ...a, keyHash: bytesOf(a.keyHash) })
const plainQueue = (q: QueueUri | QueueInfo) => ({
  ...q,
  server: plainServer(q.server),
  senderId: toHex(q.senderId),
  dhKey: toHex(q.dhKey.toDer()),
})
const queueOf = <Q extends QueueUri | QueueInfo>(q: Plain): Q =>
  ({
    ...q,
    server: serverOf(q.server),
    senderId: bytesOf(q.senderId),
    dhKey: PublicKey.fromDer(bytesOf(q.dhKey)),
  }) as unknown as Q

const codecs: Record<string, Codec<unknown>> = {
  server: mapped(serverAddress, plainServer, (v) => serverOf(v as Plain)) as Codec<unknown>,
  queueUri: mapped(queueUri, plainQueue, (v) => queueOf<QueueUri>(v as unknown as Plain)) as Codec<unknown>,
  queueInfo: mapped(queueInfo, plainQueue, (v) => queueOf<QueueInfo>(v as unknown as Plain)) as Codec<unknown>,
}

/** Without brackets, as the reference writes IPv6. */
function readServer(text: string): unknown {
  const address: ParsedServerAddress = parseServerAddress(text)
  return { ...plainServer(address), canonical: serverAddressToText(address, { brackets: false }) }
}

function readQueue(text: string): unknown {
  const uri = parseQueueUri(text)
  return { uri: plainQueue(uri), canonical: queueUriToText(uri) }
}

function outcome(run: () => unknown, errors: typeof AddressError | typeof DecodeError): unknown {
  try {
    return run()
  } catch (error) {
    expect(error).toBeInstanceOf(errors)
    return 'refused'
  }
}

describe('smp/address.json', () => {
  test.each(vectors<Case>('address'))('%s', (_, c) => {
    if (c.op === 'queue-uri-encode') {
      expect(queueUriToText(queueOf(c.in as Plain))).toBe(c.out?.text)
    } else if (c.in) {
      const { text } = c.in
      const result = outcome(() => (c.op === 'server-text' ? readServer(text) : readQueue(text)), AddressError)
      const allowed = c.lax ? [c.out, 'refused'] : [c.error ? 'refused' : c.out]
      expect(allowed).toContainEqual(result)
    } else {
      const codec = codecs[c.type as string] as Codec<unknown>
      if (c.op !== 'decode') expect(toHex(encode(codec, c.value))).toBe(c.bytes)
      if (c.op === 'encode') return
      const result = outcome(() => decode(codec, bytesOf(c.bytes as string)), DecodeError)
      expect(result).toEqual(c.error ? 'refused' : c.value)
    }
  })
})
