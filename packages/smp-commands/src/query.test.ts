import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseQuery, queryToText } from './query.js'

test('both separators, the first of two values, no value and plus signs', () => {
  const query = parseQuery('a=1;b=2&a=3&c&d=x+y%2Bz&e=%zz%')
  expect(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => query.get(name))).toEqual(['1', '2', '', 'x y+z', '%zz%', null])
})

test('only unreserved characters stay unescaped', () => {
  expect(
    queryToText([
      ['a', "aZ09-_.~!'()*"],
      ['b', ';&=+ ж'],
    ]),
  ).toBe('a=aZ09-_.~%21%27%28%29%2A&b=%3B%26%3D%2B%20%D0%B6')
})

test('every value reads back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (value) => {
      expect(
        parseQuery(
          queryToText([
            ['a', 'x'],
            ['b', value],
          ]),
        ).get('b'),
      ).toBe(value)
    }),
  )
})
