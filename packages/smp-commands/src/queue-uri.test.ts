import { PrivateKey } from '@smpkit/crypto'
import { DecodeError, decode, EncodeError, encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AddressError } from './errors.js'
import { parseHost } from './hosts.js'
import { parseQueueUri, type QueueUri, queueAddress, queueInfo, queueUri, queueUriToText } from './queue-uri.js'
import type { ServerAddress } from './server-address.js'

const dhKey = PrivateKey.fromRaw('x25519', new Uint8Array(32).fill(0xb1)).publicKey
const keyHash = new Uint8Array(32).fill(0xf1)
const senderId = new Uint8Array(24).fill(0x22)
const server = { hosts: [parseHost('smp.example.org')], port: '', keyHash }
const start = 'smp://8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fE=@smp.example.org/IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi'
const key = 'MCowBQYDK2VuAyEA0zN-TU7lA6Zpdv6x-t9b0hupb8KxVxs-mA2Hz0l5dRA'

const version = fc.integer({ min: 1, max: 5 })
const uri: fc.Arbitrary<QueueUri> = fc.record(
  {
    versionRange: fc.tuple(version, version).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) })),
    server: fc.constantFrom(
      server,
      { ...server, port: '443' },
      { ...server, hosts: [parseHost('::1'), parseHost('a.onion'), parseHost('2001:db8::1')], port: '7' },
    ),
    senderId: fc.uint8Array({ minLength: 1, maxLength: 30 }),
    dhKey: fc.constant(dhKey),
    queueMode: fc.constantFrom('messaging' as const, 'contact' as const, null),
  },
  { noNullPrototype: true },
)

test('example 21 of the spec', () => {
  const value: QueueUri = { versionRange: { min: 4, max: 4 }, server, senderId, dhKey, queueMode: 'messaging' }
  expect(queueUriToText(value)).toBe(`${start}#/?v=4&dh=${key}%3D&q=m`)
  expect(queueUriToText({ ...value, versionRange: { min: 2, max: 4 } })).toBe(`${start}#/?v=2-4&dh=${key}%3D&q=m&k=s`)
})

test('every address reads back from its text', () => {
  fc.assert(
    fc.property(uri, (value) => {
      const { dhKey: read, ...rest } = parseQueueUri(queueUriToText(value))
      const { dhKey: written, ...expected } = value
      expect(rest).toEqual(expected)
      expect(read.equals(written)).toBe(true)
    }),
  )
})

describe('binary', () => {
  test('what is read writes the same bytes, and a prefix that is cut inside a field is not read', () => {
    fc.assert(
      fc.property(uri, (value) => {
        const bytes = encode(queueUri, value)
        const read = decode(queueUri, bytes)
        expect(encode(queueUri, read)).toEqual(bytes)
        expect(read.server).toEqual(value.server)
        // Without its last byte the mode is absent, which is a value of its own.
        const fields = bytes.length - (read.queueMode ? 1 : 0)
        for (let length = 0; length < fields; length++) {
          expect(() => decode(queueUri, bytes.subarray(0, length))).toThrow(DecodeError)
        }
        const info = encode(queueInfo, { ...value, version: value.versionRange.max })
        expect(encode(queueInfo, decode(queueInfo, info))).toEqual(info)
      }),
    )
  })

  test('an absent mode leaves what follows alone', () => {
    const info = encode(queueInfo, { version: 4, server, senderId, dhKey, queueMode: null })
    expect(() => decode(queueInfo, Uint8Array.of(...info, 0))).toThrow(expect.objectContaining({ code: 'trailing' }))
  })

  test('random and mutated bytes give a DecodeError or an address', () => {
    const bytes = encode(queueInfo, { version: 4, server, senderId, dhKey, queueMode: 'contact' })
    const mutated = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)).map(([at, byte]) => bytes.with(at, byte))
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 150 })), (input) => {
        for (const codec of [queueInfo, queueUri]) {
          try {
            expect(decode<object>(codec, input)).toHaveProperty('senderId')
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError)
          }
        }
      }),
      { numRuns: 500 },
    )
  })
})

test.each([
  ['a query without versions', `${start}#/?dh=${key}`],
  ['a key before a query without versions', `${start}#${key}/?q=m`],
  ['other hosts that are none', `${start}#/?v=1&dh=${key}&srv=a%3A1`],
  ['a version range upside down', `${start}#/?v=4-1&dh=${key}`],
  ['a key that is cut short', `${start}#/?v=4&dh=${key.slice(0, -4)}`],
  ['a space', `${start} #/?v=4&dh=${key}`],
  ['a link of the agent', `simplex:/invitation#/?v=1-4&smp=${encodeURIComponent(`${start}#/?v=4&dh=${key}`)}`],
])('refuses %s', (_, text) => {
  expect(() => parseQueueUri(text)).toThrow(AddressError)
})

test('mutated texts give an AddressError or an address', () => {
  const base = `${start}#/?v=1-4&dh=${key}%3D&q=m&k=s&srv=a.onion%2C%3A%3A1`
  const mutated = fc
    .tuple(fc.nat(base.length), fc.nat(4), fc.string({ unit: fc.constantFrom(...'@:/,#?&=%2 1a'), maxLength: 4 }))
    .map(([at, drop, put]) => base.slice(0, at) + put + base.slice(at + drop))
  fc.assert(
    fc.property(mutated, (text) => {
      try {
        expect(parseQueueUri(text)).toHaveProperty('senderId')
      } catch (error) {
        expect(error).toBeInstanceOf(AddressError)
      }
    }),
    { numRuns: 1000 },
  )
})

test('a server without hosts is not written in any version', () => {
  for (const version of [1, 4]) {
    const value = { version, server: { ...server, hosts: [] }, senderId, dhKey, queueMode: null }
    expect(() => encode(queueInfo, value)).toThrow(EncodeError)
  }
})

test('an empty sender id is not written', () => {
  const value = { versionRange: { min: 4, max: 4 }, server, senderId: new Uint8Array(), dhKey, queueMode: null }
  expect(() => queueUriToText(value)).toThrow(AddressError)
})

test('an old public server has its onion host in version 1 only', () => {
  const old = { ...server, hosts: [parseHost('smp8.simplex.im')] }
  const both = ['smp8.simplex.im', 'beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion']
  const hostsOf = (uri: { server: ServerAddress }) => uri.server.hosts.map(({ text }) => text)
  const value = { server: old, senderId, dhKey, queueMode: null }
  const info = (version: number) => decode(queueInfo, encode(queueInfo, { ...value, version }))
  const uriOf = (max: number) => parseQueueUri(queueUriToText({ ...value, versionRange: { min: 1, max } }))
  expect([info(1), uriOf(1)].map(hostsOf)).toEqual([both, both])
  expect([info(2), uriOf(4)].map(hostsOf)).toEqual([[both[0]], [both[0]]])
})

test('the address of a queue is its server and its sender id', () => {
  const address = { server, senderId }
  const bytes = encode(queueAddress, address)
  expect(decode(queueAddress, bytes)).toEqual(address)
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decode(queueAddress, bytes.subarray(0, length))).toThrow(DecodeError)
  }
})
