import { EncodeError, toHex, Writer } from '@smpkit/encoding'
import { ParseError } from '@smpkit/smp-commands'
import fc from 'fast-check'
import { expect, expectTypeOf, test } from 'vitest'
import { ntfCommands } from './commands.js'
import { type NtfAnswerTo, type NtfResponse, type NtfResponseOf, ntfResponseFormat, ntfResponses } from './responses.js'
import { response, versions } from './testing/values.js'
import { bytesOf, plain, vectors } from './testing/vectors.js'
import { has, type NtfVersion, ntfVersions } from './versions.js'

function written(value: NtfResponse, version: NtfVersion = ntfVersions.max): Uint8Array {
  const writer = new Writer()
  ntfResponseFormat(version).write(writer, value)
  return writer.bytes()
}

const read = (bytes: Uint8Array, version: NtfVersion = ntfVersions.max) => ntfResponseFormat(version).read(bytes)

function codeOf(bytes: Uint8Array, version?: NtfVersion): string | undefined {
  try {
    read(bytes, version)
    return undefined
  } catch (error) {
    if (error instanceof ParseError) return error.code
    throw error
  }
}

const decoding = vectors('ntf-response', 'roundtrip', 'decode')
const good = decoding.filter(([, { error }]) => !error)

test('the vectors have every response of the table', () => {
  const seen = new Set(good.map(([, { bytes, version }]) => read(bytesOf(bytes), version).tag))
  expect([...seen].sort()).toEqual(Object.keys(ntfResponses).sort())
})

test.each(decoding)('vector %s', (_, { op, version, bytes, value, error }) => {
  if (error) return expect(codeOf(bytesOf(bytes), version)).toBe(error)
  const decoded = read(bytesOf(bytes), version)
  expect(plain(decoded)).toEqual(value)
  if (op === 'roundtrip') expect(toHex(written(decoded, version))).toBe(bytes)
})

test.each(vectors('ntf-response', 'encode'))('vector %s: below version 3 the reason is left out', (_, c) => {
  // The value has words only.
  expect(toHex(written(c.value as NtfResponse, c.version))).toBe(c.bytes)
})

test('a response reads back as it was written, below version 3 without the reason', () => {
  fc.assert(
    fc.property(response, fc.constantFrom(...versions), (value, version) => {
      const stripped = value.tag === 'TKN' && !has(version, 'invalidReason') ? { ...value, reason: null } : value
      expect(plain(read(written(value, version), version))).toEqual(plain(stripped))
    }),
  )
})

test('no proper prefix of a response is that response, unless it ends with free text or a reason', () => {
  for (const [, { bytes, version }] of good) {
    const { tag, ...fields } = read(bytesOf(bytes), version)
    const free = ('errorText' in fields && fields.errorText) || ('error' in fields && fields.error.code === 'STORE')
    const reason = 'reason' in fields && fields.reason
    if (free || reason) continue
    for (let length = 0; length < bytes.length / 2; length++) {
      expect(['UNKNOWN', 'SYNTAX']).toContain(codeOf(bytesOf(bytes).subarray(0, length), version))
    }
  }
})

test('a changed byte gives a response that can be written again, or a ParseError', () => {
  const sample = fc.constantFrom(...good.map(([, { bytes }]) => bytesOf(bytes)))
  fc.assert(
    fc.property(sample, fc.nat(), fc.nat(255), (bytes, at, value) => {
      const mutated = bytes.slice()
      mutated[at % mutated.length] = value
      try {
        written(read(mutated))
      } catch (error) {
        expect(error).toBeInstanceOf(ParseError)
      }
    }),
    { numRuns: 2000 },
  )
})

test('random bytes behind a tag are a response or a ParseError', () => {
  const tag = fc.constantFrom(...Object.keys(ntfResponses).map((word) => new TextEncoder().encode(`${word} `)))
  fc.assert(
    fc.property(tag, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
      expect(codeOf(Uint8Array.of(...start, ...rest)) ?? 'SYNTAX').toBe('SYNTAX')
      expect(['UNKNOWN', 'SYNTAX']).toContain(codeOf(rest) ?? 'SYNTAX')
    }),
  )
})

test('a status that is none is not written, nor a reason or a text that it does not have', () => {
  const wrong: NtfResponse[] = [
    { tag: 'TKN', status: 'ACTIVE', reason: 'BAD' },
    { tag: 'TKN', status: 'INVALID', reason: 'OTHER' as 'BAD' },
    { tag: 'TKN', status: 'OTHER' as 'NEW', reason: null },
    { tag: 'SUB', status: 'ERR', errorText: null },
    { tag: 'SUB', status: 'ACTIVE', errorText: new Uint8Array(0) },
    { tag: 'SUB', status: 'OTHER' as 'NEW', errorText: null },
  ]
  for (const version of versions) for (const value of wrong) expect(() => written(value, version)).toThrow(EncodeError)
})

test('every command names an answer that is in the table', () => {
  for (const { answer } of Object.values(ntfCommands)) expect(Object.keys(ntfResponses)).toContain(answer)
  expectTypeOf<NtfAnswerTo<{ tag: 'TCHK' }>>().toEqualTypeOf<NtfResponseOf<'TKN'>>()
  expectTypeOf<NtfAnswerTo<{ tag: 'SDEL' | 'SNEW' }>>().toEqualTypeOf<NtfResponseOf<'OK' | 'IDSUB'>>()
})
