import { AddressError } from '@smpkit/smp-commands/address'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ntfAddressToText, ntfPortOf, parseNtfAddress } from './address.js'
import { address } from './testing/values.js'
import { plain, vectors } from './testing/vectors.js'

test.each(vectors('ntf-address', 'roundtrip', 'decode'))('vector %s', (_, { text, value, canonical, error }) => {
  if (error) return expect(() => parseNtfAddress(text)).toThrow(AddressError)
  const parsed = parseNtfAddress(text)
  expect(plain(parsed)).toEqual(value)
  expect(ntfAddressToText(parsed, { brackets: false })).toBe(canonical ?? text)
  expect(parseNtfAddress(ntfAddressToText(parsed))).toEqual(parsed)
})

test('an address reads back as it was written', () => {
  fc.assert(
    fc.property(address, (value) => {
      expect(parseNtfAddress(ntfAddressToText(value))).toEqual(value)
    }),
  )
})

test('any other text is an AddressError', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(() => parseNtfAddress(text)).toThrow(AddressError)
    }),
  )
})

test('the port is 443 where the address names none', () => {
  expect(ntfPortOf({ port: '' })).toBe(443)
  expect(ntfPortOf({ port: '5443' })).toBe(5443)
  for (const port of ['0', '65536', '123456']) expect(() => ntfPortOf({ port })).toThrow(AddressError)
})
