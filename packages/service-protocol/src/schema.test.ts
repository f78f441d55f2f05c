import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { base64url, choose, fromDigits, integer, list, object, oneOf, optional, type Schema, text } from './schema.js'

const check = <T>(schema: Schema<T>, value: unknown) => schema['~standard'].validate(value)
const accepts = (schema: Schema<unknown>, value: unknown) => expect(check(schema, value)).toEqual({ value })
const refuses = (schema: Schema<unknown>, value: unknown) => expect(check(schema, value)).toHaveProperty('issues')

describe('a text', () => {
  const short = text({ min: 2, max: 4, pattern: /^[^x]+$/ })
  it.each(['ab', 'abcd', 'éé', '😀'])('may be %j', (value) => accepts(short, value))
  it.each(['a', 'abcde', 'ééé', 'axb', 5, null, undefined, ['ab']])('may not be %j', (value) => refuses(short, value))
  it('has whole characters, none of them NUL', () => {
    refuses(short, 'a\ud800')
    refuses(short, 'a\0')
  })
})

describe('base64url', () => {
  it('is of so many bytes, with or without padding', () => {
    const schema = base64url(2, 3)
    for (const value of ['AAA', 'AAA=', 'A-_A']) accepts(schema, value)
    for (const value of ['AA', 'AA==', 'AAAAAA', 'AAAAA', 'AAA==', 'AA=', 'A+/A', 'AAA ', '=', '', 5])
      refuses(schema, value)
  })

  it('takes what is encoded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 70 }), (bytes) => {
        const { length } = bytes
        accepts(base64url(length, length), Buffer.from(bytes).toString('base64url'))
        refuses(base64url(length + 1, 100), Buffer.from(bytes).toString('base64url'))
      }),
    )
  })
})

it('a whole number is in its range, and no text outside of a query', () => {
  for (const value of [0, 15]) accepts(integer(0, 15), value)
  for (const value of [-1, 16, 1.5, Number.NaN, '5', null, 2 ** 53]) refuses(integer(0, 15), value)
  expect(check(fromDigits(integer(0, 15)), '05')).toEqual({ value: 5 })
  for (const value of ['', ' 5', '-1', '16', '5e0', '0x5']) refuses(fromDigits(integer(0, 15)), value)
})

it('one of some words is none else', () => {
  accepts(oneOf('a', 'b'), 'b')
  for (const value of ['c', 'toString', 0, null]) refuses(oneOf('a', 'b'), value)
})

describe('an object', () => {
  const schema = object({ a: integer(0), b: optional(object({ c: integer(0) })) })

  it('loses the fields that nobody knows', () => {
    expect(check(schema, { a: 1, b: { c: 2, d: 3 }, toString: 4 })).toEqual({ value: { a: 1, b: { c: 2 } } })
    expect(check(schema, { a: 1 })).toEqual({ value: { a: 1 } })
  })

  it('tells where it is wrong, of all fields', () => {
    const { issues } = check(schema, { b: { c: 'x' } })
    expect(issues?.map(({ path }) => path)).toEqual([['a'], ['b', 'c']])
  })

  it('is no list, and takes nothing from the prototype', () => {
    for (const value of [[], null, 'a', undefined, Object.create({ a: 1 })]) refuses(schema, value)
    refuses(schema, { a: 1, b: null })
  })
})

it('a list has so many items, and tells which is wrong', () => {
  const schema = list(integer(0), 2)
  accepts(schema, [])
  accepts(schema, [1, 2])
  for (const value of [[1, 2, 3], { length: 1, 0: 1 }, null]) refuses(schema, value)
  expect(check(schema, [1, 'x']).issues?.[0]?.path).toEqual([1])
})

it('a choice tells what is wrong with the chosen', () => {
  const schema = choose((value) => (Array.isArray(value) ? list(integer(0)) : integer(0)))
  accepts(schema, 1)
  accepts(schema, [1])
  expect(check(schema, ['x']).issues?.[0]?.path).toEqual([0])
})

it('no message holds the value', () => {
  const secret = 'hunter2'
  const schemas = [text({ max: 3 }), base64url(1, 2), integer(0), oneOf('a'), object({}), list(integer(0))]
  for (const schema of schemas) expect(JSON.stringify(check(schema as Schema<unknown>, secret))).not.toContain(secret)
})
