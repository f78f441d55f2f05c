import { DecodeError, decode, EncodeError, encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { array, boolean, integer, json, object, oneOf, optional, orNull, string } from './json.js'

interface Sample {
  flag: boolean
  count: number
  words: string[]
  coin: string | null
  deep?: { kind: 'a' | 'b' } | undefined
}

const sample = json(
  object<Sample>({
    flag: boolean,
    count: integer,
    words: array(string),
    coin: orNull(string),
    deep: optional(object<{ kind: 'a' | 'b' }>({ kind: oneOf('a', 'b') })),
  }),
)
const read = (text: string) => decode(sample, new TextEncoder().encode(text))
const fields = '"flag":true,"count":1,"words":[]'

test('every value reads back', () => {
  const value = fc.record(
    {
      flag: fc.boolean(),
      count: fc.maxSafeInteger(),
      words: fc.array(
        fc.string({
          unit: fc.oneof(fc.string({ unit: 'binary', maxLength: 1 }), fc.constantFrom('"', '\\', ':', '": ')),
        }),
      ),
      coin: fc.option(fc.string()),
    },
    { noNullPrototype: true },
  )
  fc.assert(fc.property(value, (v) => void expect(decode(sample, encode(sample, v))).toEqual(v)))
})

test('absent fields, unknown ones and white space are no errors', () => {
  const expected = { flag: true, count: 1, words: [], coin: null }
  expect(read(` \n{${fields}} \t`)).toEqual(expected)
  expect(read(`{${fields},"coin":null,"deep":null,"more":[{"flag":1}]}`)).toEqual(expected)
  expect(read(`{${fields},"__proto__":{"deep":{"kind":"a"}}}`)).toEqual(expected)
})

test('only listed fields are written, in their order', () => {
  const value = { more: 1, words: ['x'], count: 2, flag: false, coin: null } as Sample
  expect(new TextDecoder().decode(encode(sample, value))).toBe('{"flag":false,"count":2,"words":["x"],"coin":null}')
})

test.each([
  ['no JSON', '{'],
  ['nothing', ''],
  ['a second object', `{${fields}}{}`],
  ['an array', `[{${fields}}]`],
  ['null', 'null'],
  ['a field of another type', '{"flag":"true","count":1,"words":[]}'],
  ['a fraction', '{"flag":true,"count":1.5,"words":[]}'],
  ['a number that is not exact', '{"flag":true,"count":9007199254740993,"words":[]}'],
  ['an item of another type', '{"flag":true,"count":1,"words":[1]}'],
  ['a missing field', '{"flag":true,"count":1}'],
  ['a word that is not listed', `{${fields},"deep":{"kind":"c"}}`],
  ['a repeated key', `{${fields},"flag":true}`],
  ['a repeated key written in another way', `{${fields},"fl\\u0061g" : true}`],
  ['a repeated key inside', `{${fields},"deep":{"kind":"a","kind":"a"}}`],
  ['a byte order mark', `\ufeff{${fields}}`],
  ['deep nesting', `${'['.repeat(15000)}${']'.repeat(15000)}`],
])('does not read %s', (_, text) => {
  expect(() => read(text)).toThrow(DecodeError)
})

test('does not read what is not UTF-8', () => {
  expect(() => decode(sample, Uint8Array.of(0x22, 0xff, 0x22))).toThrow(DecodeError)
})

test('text in strings is no key', () => {
  expect(read('{"flag":true,"count":1,"words":["\\"flag\\":","a\\\\","flag"],"coin":"\\": \\""}').words).toHaveLength(3)
})

test('a value of another type is not written', () => {
  expect(() => encode(sample, { flag: 1 } as unknown as Sample)).toThrow(EncodeError)
})

test('random and mutated texts give a DecodeError or a value', () => {
  const base = `{${fields},"coin":"x","deep":{"kind":"a"}}`
  const mutated = fc
    .tuple(fc.nat(base.length), fc.nat(3), fc.string({ unit: fc.constantFrom(...'{}[]":,\\1at '), maxLength: 3 }))
    .map(([at, drop, put]) => base.slice(0, at) + put + base.slice(at + drop))
  fc.assert(
    fc.property(fc.oneof(mutated, fc.json()), (text) => {
      try {
        expect(read(text)).toHaveProperty('count')
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
    { numRuns: 1000 },
  )
})
