import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from './bytes.js'
import {
  bool,
  byte,
  type Codec,
  decode,
  encode,
  fixedBytes,
  int64,
  largeBytes,
  letters,
  list,
  mapped,
  nonce,
  optional,
  record,
  seconds,
  shortBytes,
  tagged,
  tail,
  text,
  word16,
  word32,
} from './codec.js'
import { DecodeError, EncodeError } from './errors.js'
import { versionRange } from './version-range.js'

const mode = letters({ M: 'messaging', C: 'contact' })
const point = record<{ id: Uint8Array; at: number; deep: { on: boolean } }>({
  id: shortBytes,
  at: word16,
  deep: record<{ on: boolean }>({ on: bool }),
})
const shape = tagged('kind', letters({ P: 'point', N: 'nothing' }), { point, nothing: record<object>({}) })
const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const wellFormed = fc.string({ unit: 'grapheme', maxLength: 40 })
const points = fc.record(
  { id: bytes(255), at: fc.nat(65535), deep: fc.record({ on: fc.boolean() }, { noNullPrototype: true }) },
  { noNullPrototype: true },
)
const range = fc.tuple(fc.nat(65535), fc.nat(65535)).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }))

/** Every codec whose encoding says where it ends, with values of it. */
const codecs: Record<string, [Codec<never>, fc.Arbitrary<unknown>]> = {
  byte: [byte, fc.nat(255)],
  word16: [word16, fc.nat(65535)],
  word32: [word32, fc.nat(2 ** 32 - 1)],
  int64: [int64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  bool: [bool, fc.boolean()],
  seconds: [seconds, fc.maxSafeInteger()],
  shortBytes: [shortBytes, bytes(255)],
  largeBytes: [largeBytes, bytes(600)],
  text: [text, wellFormed.filter((t) => new TextEncoder().encode(t).length <= 255)],
  fixedBytes: [fixedBytes(3), fc.uint8Array({ minLength: 3, maxLength: 3 })],
  nonce: [nonce, fc.uint8Array({ minLength: 24, maxLength: 24 })],
  optional: [optional(word16), fc.option(fc.nat(65535))],
  list: [list(shortBytes), fc.array(bytes(9), { maxLength: 9 })],
  nonEmptyList: [list(shortBytes, 1), fc.array(bytes(9), { minLength: 1, maxLength: 9 })],
  letters: [mode, fc.constantFrom('messaging', 'contact')],
  record: [point, points],
  tagged: [
    shape,
    fc.oneof(
      points.map((p) => ({ kind: 'point', ...p })),
      fc.constant({ kind: 'nothing' }),
    ),
  ],
  mapped: [mapped(word16, String, Number), fc.nat(65535).map(String)],
  versionRange: [versionRange, range],
} as unknown as Record<string, [Codec<never>, fc.Arbitrary<unknown>]>

describe.each(Object.entries(codecs))('%s', (_, [codec, values]) => {
  test('reads what it wrote', () => {
    fc.assert(fc.property(values, (value) => void expect(decode(codec, encode(codec, value as never))).toEqual(value)))
  })

  test('no proper prefix decodes, nor does a byte too many', () => {
    fc.assert(
      fc.property(values, (value) => {
        const whole = encode(codec, value as never)
        for (let length = 0; length < Math.min(whole.length, 300); length++) {
          expect(() => decode(codec, whole.subarray(0, length))).toThrow(DecodeError)
        }
        expect(() => decode(codec, Uint8Array.of(...whole, 0))).toThrow(expect.objectContaining({ code: 'trailing' }))
      }),
      { numRuns: 30 },
    )
  })

  test('random bytes give a DecodeError or a value that encodes to them', () => {
    fc.assert(
      fc.property(bytes(60), (random) => {
        let value: never
        try {
          value = decode(codec, random)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
          return
        }
        expect(toHex(encode(codec, value))).toBe(toHex(random))
      }),
    )
  })
})

test('tail takes all that is left, also nothing', () => {
  const pair = record<{ a: number; rest: Uint8Array }>({ a: byte, rest: tail })
  expect(decode(pair, Uint8Array.of(1))).toEqual({ a: 1, rest: new Uint8Array() })
  expect(toHex(encode(pair, { a: 1, rest: Uint8Array.of(2, 3) }))).toBe('010203')
})

test('decoded arrays are views into the input', () => {
  const input = Uint8Array.of(1, 9)
  expect(decode(shortBytes, input).buffer).toBe(input.buffer)
})

test('fields are written and read in the order of the record, whatever the order of the value', () => {
  const pair = record<{ first: number; second: number }>({ first: byte, second: byte })
  expect(toHex(encode(pair, { second: 2, first: 1 }))).toBe('0102')
})

test.each([
  ['a list of 256', list(byte), new Array(256).fill(0), 'LARGE'],
  ['an empty non-empty list', list(byte, 1), [], 'RANGE'],
  ['fixed bytes of another length', fixedBytes(2), new Uint8Array(3), 'RANGE'],
  ['half a second', seconds, 0.5, 'RANGE'],
  ['a word that has no letter', mode, 'other', 'RANGE'],
  ['a variant that is not listed', shape, { kind: 'other' }, 'RANGE'],
  ['text of more than 255 bytes', text, 'é'.repeat(128), 'LARGE'],
  ['a range upside down', versionRange, { min: 2, max: 1 }, 'RANGE'],
])('does not write %s', (_, codec, value, code) => {
  const write = () => encode(codec as Codec<unknown>, value)
  expect(write).toThrow(EncodeError)
  expect(write).toThrow(expect.objectContaining({ code }))
})

test.each([
  ['a Bool that is neither T nor F', bool, [0x30]],
  ['an optional that is neither 0 nor 1', optional(byte), [0x00, 1]],
  ['an empty non-empty list', list(byte, 1), [0]],
  ['a letter without a meaning', mode, [0x58]],
  ['a time above 2^53', seconds, [0x7f, 0, 0, 0, 0, 0, 0, 0]],
  ['text that is not UTF-8', text, [1, 0xff]],
  ['a range upside down', versionRange, [0, 2, 0, 1]],
])('does not read %s', (_, codec, input) => {
  expect(() => decode(codec as Codec<unknown>, Uint8Array.from(input))).toThrow(
    expect.objectContaining({ code: 'invalid' }),
  )
})
