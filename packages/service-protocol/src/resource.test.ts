import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fillResource, formatPath, formatQuery, matchResource, maxResource, parseResource } from './resource.js'

describe('a resource is read', () => {
  it.each([
    ['/', '/', {}],
    ['', '/', {}],
    ['/ntf/tokens', '/ntf/tokens', {}],
    ['ntf/tokens', '/ntf/tokens', {}],
    ['/a/', '/a/', {}],
    ['/%61%2f', '/a%2F', {}],
    ['/a.b/c~d_e-f', '/a.b/c~d_e-f', {}],
    ['/...', '/...', {}],
    ['/caf%C3%A9', '/caf%C3%A9', {}],
    ['/a?b=c&d=e%20f+g', '/a', { b: 'c', d: 'e f g' }],
    ['/a?b&c=', '/a', { b: '', c: '' }],
    ['/a?b=c=d&', '/a', { b: 'c=d' }],
    ['/a?b=/?', '/a', { b: '/?' }],
    ['/a?__proto__=x', '/a', Object.fromEntries([['__proto__', 'x']])],
  ])('%s', (text, path, query) => {
    expect(parseResource(text)).toEqual({ path, query })
  })

  it('up to 512 bytes after decoding', () => {
    const long = 'a'.repeat(maxResource - 1)
    expect(parseResource(`/${long}`)).toBeDefined()
    expect(parseResource(`/${long}a`)).toBeUndefined()
    expect(parseResource(`/${'%61'.repeat(maxResource - 1)}`)?.path).toBe(`/${long}`)
    expect(parseResource(`/${'%61'.repeat(maxResource)}`)).toBeUndefined()
    expect(parseResource(`/a?b=${'c'.repeat(maxResource - 5)}`)).toBeDefined()
    expect(parseResource(`/a?b=${'c'.repeat(maxResource - 4)}`)).toBeUndefined()
    expect(parseResource(`/${'%C3%A9'.repeat(256)}`)).toBeUndefined()
  })
})

describe('no resource is', () => {
  it.each([
    ['a dot segment', '/a/../b'],
    ['one at the end', '/a/.'],
    ['one without its slash', '..'],
    ['an encoded one', '/%2e%2E/a'],
    ['a broken percent-encoding', '/a%2'],
    ['one of no UTF-8', '/%ff'],
    ['one in the query', '/a?b=%'],
    ['a control character', '/a%00'],
    ['a fragment', '/a#b'],
    ['a space', '/a b'],
    ['an address', 'http://a/b'],
    ['a character that must be encoded', '/café'],
    ['a name twice in the query', '/a?b=1&b=2'],
  ])('%s', (_, text) => {
    expect(parseResource(text)).toBeUndefined()
  })
})

const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => {
  const isControl = [...text].some((char) => char < ' ' || char === '\u007f')
  return !isControl && text !== '.' && text !== '..'
})

it('any path and query that can be written is read as it was', () => {
  const query = fc.dictionary(word, word, { maxKeys: 3, noNullPrototype: true })
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 3 }), query, (segments, query) => {
      const text = formatPath(segments) + formatQuery(query)
      const size = new TextEncoder().encode(decodeURIComponent(text)).length
      fc.pre(size <= maxResource)
      expect(parseResource(text)).toEqual({ path: formatPath(segments), query })
    }),
  )
})

it('any text is a resource in normal form or none', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const found = parseResource(text)
      if (found) expect(parseResource(found.path)?.path).toBe(found.path)
    }),
  )
})

describe('a pattern', () => {
  it('gives its parameters decoded', () => {
    expect(matchResource('/a/:id/b/:other', '/a/x/b/y%2Fz')).toEqual({ id: 'x', other: 'y/z' })
    expect(matchResource('/', '/')).toEqual({})
  })

  it.each(['/a', '/a/', '/a/x/y', '/b/x', '/a/x/'])('matches not %s', (path) => {
    expect(matchResource('/a/:id', path)).toBeUndefined()
  })

  it('is filled with whatever it gave', () => {
    fc.assert(
      fc.property(word, word, (id, other) => {
        const path = fillResource('/a/:id/b/:other', { id, other })
        expect(matchResource('/a/:id/b/:other', path)).toEqual({ id, other })
      }),
    )
  })
})
