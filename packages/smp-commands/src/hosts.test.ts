import { isIPv6 } from 'node:net'
import { DecodeError, decode, encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AddressError } from './errors.js'
import { host, parseHost } from './hosts.js'

test.each([
  ['1.2.3.4', 'ipv4', '1.2.3.4'],
  ['010.0.00.1', 'ipv4', '10.0.0.1'],
  ['255.255.255.255', 'ipv4', '255.255.255.255'],
  ['300.2.3.4', 'domain', '300.2.3.4'],
  ['1.2.3', 'domain', '1.2.3'],
  ['::', 'ipv6', '::'],
  ['[::1]', 'ipv6', '::1'],
  ['1::', 'ipv6', '1::'],
  ['2001:DB8:0:0:1:0:0:1', 'ipv6', '2001:db8::1:0:0:1'],
  ['2001:0db8:0:1:1:1:1:1', 'ipv6', '2001:db8:0:1:1:1:1:1'],
  ['::1:2:3:4:5:6:7', 'ipv6', '0:1:2:3:4:5:6:7'],
  ['::FFFF:1.2.3.4', 'ipv6', '::ffff:1.2.3.4'],
  ['::ffff:102:304', 'ipv6', '::ffff:1.2.3.4'],
  ['64:ff9b::1.2.3.4', 'ipv6', '64:ff9b::102:304'],
  ['abc234.onion', 'onion', 'abc234.onion'],
  ['face.example.com', 'domain', 'face.example.com'],
  ['Example.ORG', 'domain', 'Example.ORG'],
  ['ex_ample-1.test', 'domain', 'ex_ample-1.test'],
])('%s is %s %s', (text, type, canonical) => {
  expect(parseHost(text)).toEqual({ type, text: canonical })
})

test.each([
  '',
  '1.2.3.256',
  '1.2.3.4.5',
  '1.2.3.4.example.com',
  '1.2.3.4x',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8',
  '12345::',
  '::1.2.3',
  '::1.2.3.256',
  '1.2.3.4::',
  '::1.2.3.4:5',
  '::1%eth0',
  '[::1',
  '::1]',
  '[zz]',
  '[]',
  '[1.2.3.4]',
  '.onion',
  'ABC.onion',
  'sub.abc.onion',
  'abc.onion.example',
  'a b',
  'a,b',
  'a;b',
  'a#b',
  'a/b',
  'a:1',
  'a[b',
  'a\tb',
  'a\0b',
  'a\u007fb',
  'a\n',
])('refuses %j', (text) => {
  expect(() => parseHost(text)).toThrow(AddressError)
  expect(() => decode(host, Uint8Array.of(text.length, ...new TextEncoder().encode(text)))).toThrow(DecodeError)
})

describe('IPv6', () => {
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff))
  const groups = fc.array(group, { minLength: 8, maxLength: 8 })

  test('all spellings of an address give one text, which the platform reads as the same address', () => {
    fc.assert(
      fc.property(groups, (value) => {
        const long = value.map((g) => g.toString(16).padStart(4, '0')).join(':')
        const { text } = parseHost(long)
        expect(parseHost(long.toUpperCase()).text).toBe(text)
        expect(parseHost(`[${text}]`).text).toBe(text)
        expect(isIPv6(text)).toBe(true)
        expect(new URL(`http://[${text}]`).hostname).toBe(new URL(`http://[${long}]`).hostname)
      }),
    )
  })

  test('any text of its characters is an address for both of us or for neither', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...':::01fF.'), maxLength: 20 }), (text) => {
        fc.pre(text.includes(':') && !/\.0\d|:0\d+\./.test(text))
        let ours = true
        try {
          parseHost(text)
        } catch {
          ours = false
        }
        expect(ours).toBe(isIPv6(text))
      }),
      { numRuns: 2000 },
    )
  })
})

test('what is read writes and reads back, as text and in binary form', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.string({ maxLength: 20 })), (text) => {
      let value: ReturnType<typeof parseHost>
      try {
        value = parseHost(text)
      } catch (error) {
        expect(error).toBeInstanceOf(AddressError)
        return
      }
      expect(parseHost(value.text)).toEqual(value)
      expect(decode(host, encode(host, value))).toEqual(value)
    }),
  )
})

test('no error shows the text', () => {
  expect(() => parseHost('se cret')).toThrow(expect.objectContaining({ message: expect.not.stringContaining('cret') }))
})
