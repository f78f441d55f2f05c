import { DecodeError, decode, encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AddressError } from './errors.js'
import { type Host, parseHost } from './hosts.js'
import {
  parseServerAddress,
  portOf,
  type ServerAddress,
  sameServer,
  serverAddress,
  serverAddressToText,
  serverKey,
} from './server-address.js'

const keyHash = new Uint8Array(32).fill(0xf1)
const hash = '8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fE='
const domain: Host = { type: 'domain', text: 'smp.example.org' }

const host = fc
  .oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.domain(),
    fc.string({ unit: fc.constantFrom(...'az27'), minLength: 1 }).map((t) => `${t}.onion`),
  )
  .map(parseHost)
const address: fc.Arbitrary<ServerAddress> = fc.record(
  {
    hosts: fc.array(host, { minLength: 1, maxLength: 4 }),
    port: fc.oneof(fc.constant(''), fc.nat().map(String)),
    keyHash: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  },
  { noNullPrototype: true },
)

test('example 20 of the spec', () => {
  const text = `smp://${hash}:pass@smp.example.org,abc234.onion:5224`
  const parsed = parseServerAddress(text)
  const hosts = [domain, { type: 'onion', text: 'abc234.onion' }]
  expect(parsed).toEqual({ scheme: 'smp', password: 'pass', hosts, port: '5224', keyHash })
  expect(serverAddressToText(parsed)).toBe(text)
})

test('every address that is written reads back, as text and in binary form', () => {
  fc.assert(
    fc.property(address, (value) => {
      expect(parseServerAddress(serverAddressToText(value))).toEqual({ scheme: 'smp', password: null, ...value })
      const bytes = encode(serverAddress, value)
      expect(decode(serverAddress, bytes)).toEqual(value)
      for (let length = 0; length < bytes.length; length++) {
        expect(() => decode(serverAddress, bytes.subarray(0, length))).toThrow(DecodeError)
      }
    }),
  )
})

test('an IPv6 host before a port stands in brackets', () => {
  const hosts = [parseHost('::1'), parseHost('2001:db8::7')]
  const text = serverAddressToText({ hosts, port: '443', keyHash })
  expect(text).toBe(`smp://${hash}@::1,[2001:db8::7]:443`)
  expect(parseServerAddress(text)).toMatchObject({ hosts, port: '443' })
  expect(serverAddressToText({ hosts, port: '', keyHash })).toBe(`smp://${hash}@::1,2001:db8::7`)
})

test('without brackets the port is a part of the address, or nothing that can be read', () => {
  expect(parseServerAddress(`smp://${hash}@::1:5223`)).toMatchObject({ hosts: [{ text: '::1:5223' }], port: '' })
  expect(() => parseServerAddress(`smp://${hash}@::1:52231`)).toThrow(AddressError)
})

test.each([
  ['another scheme', `ntf://${hash}@a`],
  ['a port that is no number', `smp://${hash}@a:1e3`],
  ['a port without digits', `smp://${hash}@a:`],
  ['a port in the middle', `smp://${hash}@a:1,b`],
  ['two ports', `smp://${hash}@a:1:2`],
  ['a control character in the password', `smp://${hash}:a\u0007@a`],
  ['no hosts', `smp://${hash}@`],
  ['no key hash', 'smp://@a'],
  ['a newline at the end', `smp://${hash}@a\n`],
])('refuses %s', (_, text) => {
  expect(() => parseServerAddress(text, 'smp')).toThrow(AddressError)
})

test('random and mutated texts give an AddressError or an address that reads back', () => {
  const base = `smp://${hash}:pw@[::1],a.onion:5223`
  const mutated = fc
    .tuple(fc.nat(base.length), fc.nat(4), fc.string({ unit: fc.constantFrom(...'@:/,[].1a= \n'), maxLength: 4 }))
    .map(([at, drop, put]) => base.slice(0, at) + put + base.slice(at + drop))
  fc.assert(
    fc.property(fc.oneof(mutated, fc.string()), (text) => {
      let parsed: ReturnType<typeof parseServerAddress>
      try {
        parsed = parseServerAddress(text)
      } catch (error) {
        expect(error).toBeInstanceOf(AddressError)
        return
      }
      expect(parseServerAddress(serverAddressToText(parsed))).toEqual(parsed)
    }),
    { numRuns: 1000 },
  )
})

test('random bytes give a DecodeError or an address', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        expect(decode(serverAddress, bytes).hosts.length).toBeGreaterThan(0)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
  )
})

test('a port text that is no number is not written as text', () => {
  expect(() => serverAddressToText({ hosts: [domain], port: '1/x#', keyHash })).toThrow(AddressError)
})

test.each(['', 'a@b', 'a:b', 'a/b', 'a b', 'a\n'])('a password %j is not written', (password) => {
  expect(() => serverAddressToText({ hosts: [domain], port: '', keyHash, password })).toThrow(AddressError)
})

test.each([
  ['05223', '5223'],
  ['0', '0'],
  ['000', '0'],
  ['123456', '123456'],
])('the port %s is read as %s', (text, port) => {
  expect(parseServerAddress(`smp://${hash}@a:${text}`).port).toBe(port)
})

test('the port to connect to', () => {
  expect(portOf({ port: '' })).toBe(5223)
  expect(portOf({ port: 'abc' })).toBe(5223)
  expect(portOf({ port: '0443' })).toBe(443)
  expect(portOf({ port: '' }, 443)).toBe(443)
  expect(portOf({ port: '5223' }, 443)).toBe(5223)
  expect(() => portOf({ port: '65536' })).toThrow(AddressError)
  expect(() => portOf({ port: '0' })).toThrow(AddressError)
})

test('the same server has equal hosts and port; a key for maps has all fields', () => {
  const a = { hosts: [domain], port: '', keyHash }
  const variants: [ServerAddress, boolean][] = [
    [{ ...a, keyHash: new Uint8Array(32) }, true],
    [{ ...a, port: '5223' }, false],
    [{ ...a, hosts: [domain, domain] }, false],
    [{ ...a, hosts: [parseHost('other.example')] }, false],
  ]
  for (const [b, same] of variants) {
    expect(sameServer(a, b)).toBe(same)
    expect(serverKey(b)).not.toBe(serverKey(a))
  }
  expect(sameServer(a, { ...a, keyHash: keyHash.slice() })).toBe(true)
  expect(serverKey({ ...a, keyHash: keyHash.slice() })).toBe(serverKey(a))
})
