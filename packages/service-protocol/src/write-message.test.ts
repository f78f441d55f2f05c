import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readMessage, type ServiceRequest } from './read-message.js'
import { encodeRequest, encodeResponse, newId, requestContent } from './write-message.js'

const id = 'nGJPk7yq3SkQ'
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const syntax = fc.constantFrom('json', 'text')
/** What JSON gives back as it was. */
const data = fc.option(
  fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.parse(JSON.stringify(value))),
  { nil: undefined },
)

describe('a request is written', () => {
  const request = { id, method: 'post', resource: '/ntf/tokens', data: { a: 'é' } }

  it('as JSON and as text', () => {
    expect(textOf(encodeRequest(request))).toBe(
      '{"v":"1","msgId":"nGJPk7yq3SkQ","event":"s.post","params":{"resource":"/ntf/tokens","data":{"a":"é"}}}',
    )
    expect(textOf(encodeRequest(request, { syntax: 'text' }))).toBe('nGJPk7yq3SkQ s.post /ntf/tokens {"a":"é"}')
  })

  it('without data where there is none, but with null', () => {
    expect(textOf(encodeRequest({ ...request, data: undefined }, { syntax: 'text' }))).toBe(`${id} s.post /ntf/tokens`)
    expect(textOf(encodeRequest({ ...request, data: null }, { syntax: 'text' }))).toBe(`${id} s.post /ntf/tokens null`)
    expect(textOf(encodeRequest({ ...request, data: undefined }))).not.toContain('data')
  })

  it('and read as it was', () => {
    const query = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,9}$/),
      fc.string({ maxLength: 9 }).filter((text) => !/[^ -~]/.test(text)),
      {
        maxKeys: 3,
        noNullPrototype: true,
      },
    )
    fc.assert(
      fc.property(syntax, query, data, (syntax, query, data) => {
        const bytes = encodeRequest({ ...request, query, data }, { syntax })
        expect(readMessage(bytes)).toEqual({
          kind: 'request',
          syntax,
          id,
          version: 1,
          method: 'post',
          resource: '/ntf/tokens',
          query,
          data,
        })
      }),
    )
  })

  it('up to the largest length, which the agent takes', () => {
    const sized = (length: number) => encodeRequest({ ...request, data: 'x'.repeat(length) })
    const empty = sized(0).length
    expect(sized(15_795 - empty)).toHaveLength(15_795)
    expect(() => sized(15_796 - empty)).toThrow(expect.objectContaining({ code: 'TOO_LARGE', temporary: false }))
    expect(() => encodeRequest(request, { maxLength: 50 })).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
  })

  it.each([
    ['a bad id', { id: 'short' }],
    ['a bad resource', { resource: '/a/../b' }],
    ['a resource that is too long', { resource: `/${'x'.repeat(512)}` }],
    ['half a character in the query', { query: { a: '\ud800' } }],
    ['data that JSON cannot hold', { data: 5n }],
  ])('not with %s', (_, wrong) => {
    const write = () => encodeRequest({ ...request, ...wrong } as typeof request)
    expect(write).toThrow(expect.objectContaining({ name: 'ServiceClientError', code: 'INVALID' }))
  })
})

describe('a response is written', () => {
  it.each([
    [{}, '{"v":"1","event":"s.ok","params":{"ref":"nGJPk7yq3SkQ","data":{"a":1}}}'],
    [{ style: 'enveloped' }, '{"v":"1","event":"s.resp.ok","params":{"ref":"nGJPk7yq3SkQ","data":{"a":1}}}'],
    [{ syntax: 'text' }, 'nGJPk7yq3SkQ s.ok {"a":1}'],
    [{ syntax: 'text', style: 'enveloped' }, 'nGJPk7yq3SkQ s.resp.ok {"a":1}'],
  ] as const)('with %j', (options, expected) => {
    expect(textOf(encodeResponse({ ref: id, status: 'ok', data: { a: 1 } }, options))).toBe(expected)
  })

  it('without the id of a request that had none', () => {
    expect(textOf(encodeResponse({ ref: null, status: 'ok' }, { syntax: 'text' }))).toBe('s.ok')
    const json = encodeResponse({ ref: null, status: 'ok' })
    expect(textOf(json)).toBe('{"v":"1","event":"s.ok","params":{"ref":null}}')
    expect(readMessage(json)).toMatchObject({ kind: 'response', ref: null })
  })

  it('and read as it was', () => {
    const style = fc.constantFrom('separate', 'enveloped')
    const status = fc.constantFrom('ok', 'not_found', 'teapot')
    fc.assert(
      fc.property(syntax, style, status, data, (syntax, style, status, data) => {
        const bytes = encodeResponse({ ref: id, status, data }, { syntax, style })
        expect(readMessage(bytes)).toEqual({ kind: 'response', syntax, ref: id, status, data, broken: false })
      }),
    )
  })

  it('as too large where it does not fit', () => {
    const large = { ref: id, status: 'ok', data: 'x'.repeat(15_795) }
    const expected = { status: 'too_large', data: { reason: 'response', max: 15_795 } }
    expect(readMessage(encodeResponse(large))).toMatchObject({ ref: id, ...expected })
    expect(readMessage(encodeResponse(large, { maxLength: 1 }))).toMatchObject({ status: 'too_large' })
  })
})

describe('the content of a request', () => {
  const contentOf = (text: string) =>
    textOf(requestContent(readMessage(new TextEncoder().encode(text)) as ServiceRequest))
  const first = contentOf('s.post /a?b=1&c=2 {"d":[1,{"f":2,"e":3}],"__proto__":4}')

  it.each([
    ['another id', 'abcdefgh s.post /a?b=1&c=2 {"d":[1,{"f":2,"e":3}],"__proto__":4}'],
    ['another order of names', 's.post /a?c=2&b=1 {"__proto__":4,"d":[1,{"e":3,"f":2}]}'],
    ['other white space and escapes', 's.post a?b=%31&c=2   {"d": [1.0, {"f":2,"\\u0065":3}], "__proto__":4}'],
    [
      'the other syntax',
      '{"event":"s.post","params":{"resource":"/a?b=1&c=2","data":{"d":[1,{"f":2,"e":3}],"__proto__":4}}}',
    ],
  ])('is the same with %s', (_, text) => {
    expect(contentOf(text)).toBe(first)
  })

  it.each([
    ['another method', 's.put /a?b=1&c=2 {"d":[1,{"f":2,"e":3}],"__proto__":4}'],
    ['another resource', 's.post /b?b=1&c=2 {"d":[1,{"f":2,"e":3}],"__proto__":4}'],
    ['another query', 's.post /a?b=1 {"d":[1,{"f":2,"e":3}],"__proto__":4}'],
    ['another order of a list', 's.post /a?b=1&c=2 {"d":[{"f":2,"e":3},1],"__proto__":4}'],
    ['another value', 's.post /a?b=1&c=2 {"d":[1,{"f":2,"e":3}],"__proto__":5}'],
    ['no data', 's.post /a?b=1&c=2'],
  ])('is another with %s', (_, text) => {
    expect(contentOf(text)).not.toBe(first)
  })

  it('tells no data from null', () => {
    expect(contentOf('s.post /a')).not.toBe(contentOf('s.post /a null'))
  })
})

it('ids are 16 characters of base64url, and never the same', () => {
  const ids = Array.from({ length: 100 }, newId)
  for (const one of ids) expect(one).toMatch(/^[\w-]{16}$/)
  expect(new Set(ids).size).toBe(100)
})
