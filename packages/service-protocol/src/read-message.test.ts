import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maxDepth, maxServiceMessage, readMessage } from './read-message.js'
import { encodeRequest } from './write-message.js'

const id = 'nGJPk7yq3SkQ'
const read = (text: string) => readMessage(new TextEncoder().encode(text))
const json = (message: object) => read(JSON.stringify({ v: '1', msgId: id, ...message }))

const asked = { kind: 'request', syntax: 'json', id, version: 1, method: 'post', resource: '/a', query: {} }
const answered = { kind: 'response', syntax: 'json', ref: id, status: 'ok', data: undefined, broken: false }
const other = { kind: 'other' }
const refused = (reason: string) => ({ kind: 'request', problem: { status: 'bad_request', data: { reason } } })

describe('JSON is', () => {
  it.each([
    [
      'a request by its resource',
      { event: 's.post', params: { resource: '/a', data: { b: 1 } } },
      { ...asked, data: { b: 1 } },
    ],
    ['one without data', { event: 's.post', params: { resource: 'a' } }, { ...asked, data: undefined }],
    ['one with null as data', { event: 's.post', params: { resource: '/a', data: null } }, { ...asked, data: null }],
    ['one with an unknown method', { event: 's.brew', params: { resource: '/a' } }, { ...asked, method: 'brew' }],
    ['one with a status as method', { event: 's.ok', params: { resource: '/a' } }, { ...asked, method: 'ok' }],
    ['one without an id', { msgId: undefined, event: 's.post', params: { resource: '/a' } }, { ...asked, id: null }],
    ['one without a version', { v: undefined, event: 's.post', params: { resource: '/a' } }, asked],
    [
      'one whose version and id are null',
      { v: null, msgId: null, event: 's.post', params: { resource: '/a' } },
      { ...asked, id: null },
    ],
    ['one of a range of versions', { v: '1-16', event: 's.post', params: { resource: '/a' } }, asked],
    ['one with fields that nobody knows', { x: 1, event: 's.post', params: { resource: '/a', y: 2 } }, asked],
    ['a response by its ref', { event: 's.ok', params: { ref: id } }, answered],
    ['one in an envelope', { event: 's.resp.ok', params: { ref: id } }, answered],
    ['one with data', { event: 's.ok', params: { ref: id, data: null } }, { ...answered, data: null }],
    ['one of an unknown status', { event: 's.teapot', params: { ref: id } }, { ...answered, status: 'teapot' }],
    [
      'one whatever else it says',
      { event: 's.get', params: { ref: id, resource: '/a' } },
      { ...answered, status: 'get' },
    ],
    ['one of any version', { v: '9', event: 's.ok', params: { ref: id } }, answered],
    ['one that nobody waits for', { event: 's.ok', params: { ref: 5 } }, { ...answered, ref: null }],
    ['something else without both', { event: 's.ok', params: {} }, other],
    ['something else by its event', { event: 'x.msg.new', params: { resource: '/a' } }, other],
    ['something else by an event that is no text', { event: ['s.get'], params: { resource: '/a' } }, other],
    ['something else without an event', { params: { resource: '/a' } }, other],
  ])('%s', (_, message, expected) => {
    expect(json(message)).toMatchObject(expected)
  })

  it('something else where it is broken, or no object, or no UTF-8', () => {
    for (const text of ['{', '{"event":"s.get","params":{"resource":"/a"}', '{}x', '\ufeff{"event":"s.get"}']) {
      expect(read(text)).toEqual(other)
    }
    const bytes = new TextEncoder().encode('{"event":"s.get","params":{"resource":"/a","data":"?"}}')
    expect(readMessage(bytes)).toMatchObject({ kind: 'request', data: '?' })
    expect(readMessage(bytes.map((byte) => (byte === 0x3f ? 0xff : byte)))).toEqual(other)
  })

  it('read after white space, and by the last of members of one name', () => {
    expect(read(' \r\n\t{"event":"x","event":"s.get","params":{"resource":"/a"}} ')).toMatchObject({ method: 'get' })
  })

  it('not misled by names of the prototype', () => {
    expect(read('{"event":"s.ok","params":{"__proto__":{"ref":"abcdefgh","resource":"/"}}}')).toEqual(other)
    expect(read('{"__proto__":{"event":"s.get","params":{"resource":"/a"}}}')).toEqual(other)
  })
})

describe('a request is answered at once', () => {
  const get = (message: object) => json({ event: 's.get', params: { resource: '/a' }, ...message })

  it.each([['2'], ['0'], ['2-1'], ['2-3'], [''], ['1.0'], [1]])('because of version %j', (v) => {
    expect(get({ v })).toMatchObject({
      id,
      version: 1,
      problem: { status: 'bad_request', data: { reason: 'version', supported: '1' } },
    })
  })

  it.each([['short12'], ['x'.repeat(33)], ['no base64url!'], ['nGJPk7yq3S+Q'], [123456789], ['']])(
    'because of id %j, which is not repeated',
    (msgId) => {
      expect(get({ msgId })).toMatchObject({ id: null, ...refused('id') })
    },
  )

  it.each([[undefined], [null], [5], ['/a/../b'], ['/%zz'], [`/${'x'.repeat(512)}`]])(
    'because of resource %j',
    (resource) => {
      expect(get({ params: { resource } })).toMatchObject({ id, resource: '/', ...refused('resource') })
    },
  )

  it.each([[undefined], [null], [[]], ['/a']])('because of params %j', (params) => {
    expect(get({ params })).toMatchObject(refused('resource'))
  })

  it('because of data that is too deep', () => {
    const nested = (depth: number) => json({ event: 's.get', params: { resource: '/a', data: nest(depth) } })
    expect(nested(maxDepth)).not.toHaveProperty('problem')
    expect(nested(maxDepth + 1)).toMatchObject({ ...refused('data'), data: undefined })
    const deepest = `{"event":"s.get","params":{"resource":"/a","data":${'['.repeat(7000)}${']'.repeat(7000)}}}`
    expect(read(deepest)).toMatchObject(refused('data'))
  })

  it('because of its size', () => {
    const sized = (size: number) => read(`s.get /a ${JSON.stringify('x'.repeat(size - 11))}`)
    expect(sized(maxServiceMessage)).not.toHaveProperty('problem')
    expect(sized(maxServiceMessage + 1)).toMatchObject({
      problem: { status: 'too_large', data: { reason: 'request', max: maxServiceMessage } },
    })
  })
})

function nest(depth: number): unknown {
  return depth === 0 ? 1 : depth % 2 ? [nest(depth - 1)] : { a: nest(depth - 1) }
}

describe('text is', () => {
  const text = { syntax: 'text' }

  it.each([
    ['a request', `${id} s.post /a {"b":1}`, { ...asked, ...text, data: { b: 1 } }],
    ['one without an id', 's.post /a', { ...asked, ...text, id: null, data: undefined }],
    ['one with null as data', 's.post /a null', { ...asked, ...text, id: null, data: null }],
    ['one without the leading slash', 's.post a?b=c', { ...asked, ...text, id: null, query: { b: 'c' } }],
    ['one as people write it', ` ${id}\ts.post  /a\n5\n`, { ...asked, ...text, data: 5 }],
    ['a response', `${id} s.ok`, { ...answered, ...text }],
    ['one in an envelope', `${id} s.resp.not_found {}`, { ...answered, ...text, status: 'not_found', data: {} }],
    ['one of an unknown status', `${id} s.brew /a`, { ...answered, ...text, status: 'brew', broken: true }],
    ['one with broken data', `${id} s.ok {`, { ...answered, ...text, broken: true }],
    ['one that nobody waits for', 's.ok', { ...answered, ...text, ref: null }],
    ['something else', 'hello', other],
    ['something else if it is empty', '', other],
    ['something else if it is long', 'please do not s.get /a', other],
    ['something else by its first word', 'person! s.ok', other],
    ['something else without a word', 's. /a', other],
    ['something else in capitals', 'S.GET /a', other],
  ])('%s', (_, message, expected) => {
    expect(read(message)).toMatchObject(expected)
  })

  it.each([
    ['id', 'short12 s.get /a'],
    ['id', 'what? s.get /a'],
    ['resource', 's.get'],
    ['resource', 's.get {"a":1}'],
    ['resource', 's.get /a/../b'],
    ['data', 's.get /a {'],
    ['data', 's.get /a 1 2'],
    ['data', "s.get /a {'a':1}"],
  ])('a request with a bad %s: %s', (reason, message) => {
    expect(read(message)).toMatchObject(refused(reason))
  })

  it('a request with bad data where it is no UTF-8', () => {
    const bytes = new TextEncoder().encode('s.get /a "?"')
    expect(readMessage(bytes)).toMatchObject({ data: '?' })
    expect(readMessage(bytes.map((byte) => (byte === 0x3f ? 0xff : byte)))).toMatchObject(refused('data'))
  })
})

describe('whatever comes', () => {
  const check = (bytes: Uint8Array) => {
    const before = bytes.slice()
    expect(['request', 'response', 'other']).toContain(readMessage(bytes).kind)
    expect(bytes).toEqual(before)
  }

  it('random bytes are read as something', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check), { numRuns: 2000 })
  })

  it('random JSON is read as something', () => {
    const message = fc.record(
      {
        v: fc.oneof(fc.constant('1'), fc.jsonValue()),
        msgId: fc.oneof(fc.constant(id), fc.jsonValue()),
        event: fc.oneof(fc.constantFrom('s.get', 's.ok', 's.resp.ok', 's.', 'x'), fc.jsonValue()),
        params: fc.oneof(
          fc.jsonValue(),
          fc.record({ resource: fc.jsonValue(), ref: fc.jsonValue(), data: fc.jsonValue() }, { requiredKeys: [] }),
        ),
      },
      { requiredKeys: [], noNullPrototype: true },
    )
    fc.assert(
      fc.property(message, (value) => check(new TextEncoder().encode(JSON.stringify(value)))),
      { numRuns: 2000 },
    )
  })

  it('a message with changed, missing and added bytes is read as something', () => {
    const message = fc.constantFrom('json', 'text').map((syntax) =>
      encodeRequest({ id, method: 'post', resource: '/a/b', query: { c: 'é' }, data: { d: ['é', null, 1.5] } }, {
        syntax,
      } as never),
    )
    const change = fc.tuple(fc.nat(200), fc.nat(3), fc.uint8Array({ maxLength: 3 }))
    fc.assert(
      fc.property(message, fc.array(change, { minLength: 1, maxLength: 4 }), (bytes, changes) => {
        let mutated = [...bytes]
        for (const [at, length, put] of changes) mutated = mutated.toSpliced(at % mutated.length, length, ...put)
        check(Uint8Array.from(mutated))
      }),
      { numRuns: 2000 },
    )
  })
})
