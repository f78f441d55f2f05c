import { compress, init } from '@bokuweb/zstd-wasm'
import { concat } from '@smpkit/encoding'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { ChatError } from './errors.js'
import {
  bodyLimits,
  contactRequestLimit,
  contentToText,
  decodeBody,
  encodeMessage,
  newMessageId,
  type OutgoingMessage,
} from './messages.js'

beforeAll(() => init())

const utf8 = (text: string) => new TextEncoder().encode(text)
const asText = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const decodeText = (text: string) => decodeBody(utf8(text))
const limit = bodyLimits.message.plain

const profile = { displayName: 'echo', fullName: '' }
const content = { type: 'text', text: 'hello' }
const msgId = 'YWJjZGVmZ2hpamts'

/** One of each event, with its bytes. The first two are the specification's own. */
const written: [OutgoingMessage, string][] = [
  [
    { event: 'x.info', msgId: null, params: { profile } },
    '{"v":"1-8","event":"x.info","params":{"profile":{"displayName":"echo","fullName":""}}}',
  ],
  [
    { event: 'x.msg.new', msgId, params: { content } },
    '{"v":"1-8","msgId":"YWJjZGVmZ2hpamts","event":"x.msg.new","params":{"content":{"type":"text","text":"hello"}}}',
  ],
  [
    { event: 'x.contact', msgId: null, params: { profile, contactReqId: null, content: null } },
    '{"v":"1-8","event":"x.contact","params":{"profile":{"displayName":"echo","fullName":""}}}',
  ],
  [
    { event: 'x.contact', msgId: null, params: { profile, contactReqId: msgId, content } },
    '{"v":"1-8","event":"x.contact","params":{"profile":{"displayName":"echo","fullName":""},"contactReqId":"YWJjZGVmZ2hpamts","content":{"type":"text","text":"hello"}}}',
  ],
  [{ event: 'x.ok', msgId: null, params: {} }, '{"v":"1-8","event":"x.ok","params":{}}'],
  [
    { event: 'x.msg.update', msgId: null, params: { msgId, content } },
    '{"v":"1-8","event":"x.msg.update","params":{"msgId":"YWJjZGVmZ2hpamts","content":{"type":"text","text":"hello"}}}',
  ],
  [
    { event: 'x.msg.del', msgId: null, params: { msgId } },
    '{"v":"1-8","event":"x.msg.del","params":{"msgId":"YWJjZGVmZ2hpamts"}}',
  ],
  [{ event: 'x.direct.del', msgId: null, params: {} }, '{"v":"1-8","event":"x.direct.del","params":{}}'],
]

describe('a message', () => {
  test.each(written)('is written as it should be, and read again: %j', async (message, text) => {
    expect(asText(encodeMessage(message, limit))).toBe(text)
    expect(await decodeText(text)).toEqual({
      messages: [{ ...message, versions: { min: 1, max: 8 } }],
      ignored: [],
    })
  })

  test('with any text is read as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), async (type, text) => {
        const message = { event: 'x.msg.new', msgId: newMessageId(), params: { content: { type, text } } } as const
        const { messages } = await decodeBody(encodeMessage(message, limit))
        expect(messages).toEqual([{ ...message, versions: { min: 1, max: 8 } }])
      }),
    )
  })

  test('is never read from a part of itself', async () => {
    for (const [, text] of written) {
      for (let length = 0; length < text.length; length++) {
        expect((await decodeText(text.slice(0, length))).messages).toEqual([])
      }
    }
  })

  test.each([
    ['"v":"1-8",', 1, 8],
    ['"v":"1",', 1, 1],
    ['"v":"4-99",', 4, 99],
    ['"v":null,', 1, 1],
    ['', 1, 1],
  ])('says versions as a range or as a number, or nothing: %s', async (v, min, max) => {
    const { messages } = await decodeText(`{${v}"event":"x.ok","params":{}}`)
    expect(messages).toEqual([{ event: 'x.ok', versions: { min, max }, msgId: null, params: {} }])
  })

  test('may have properties that we do not know', async () => {
    const { messages } = await decodeText(
      '{"v":"1-99","msgId":"YQ==","event":"x.msg.new","extra":{},"params":{"content":{"type":"poll","text":"?","options":[]},"quote":{"msgRef":{}},"ttl":60}}',
    )
    expect(messages).toMatchObject([{ msgId: 'YQ==', params: { content: { type: 'poll', text: '?' } } }])
  })

  test.each([
    ['EVENT', 'unknown event x.grp.inv', '{"event":"x.grp.inv","params":{}}'],
    ['EVENT', 'unknown event', '{"event":"\\u001b[2J","params":{}}'],
    ['EVENT', 'unknown event', '{"event":"__proto__","params":{}}'],
    ['INVALID', 'event: expected a string', '{"params":{}}'],
    ['INVALID', 'params: expected an object', '{"event":"x.ok"}'],
    ['INVALID', 'params: expected an object', '{"event":"x.ok","params":[]}'],
    ['INVALID', 'v: expected a string', '{"v":8,"event":"x.ok","params":{}}'],
    ['INVALID', 'v: expected a version range n or min-max', '{"v":"8-1","event":"x.ok","params":{}}'],
    ['INVALID', 'msgId: expected a string', '{"event":"x.msg.new","params":{"content":{"type":"text","text":"a"}}}'],
    ['INVALID', 'params.content: expected an object', '{"event":"x.msg.new","msgId":"YQ==","params":{}}'],
    ['INVALID', 'params.profile: expected an object', '{"event":"x.info","params":{}}'],
    ['JSON', 'expected JSON in 12 bytes', '{"event":"x.'],
    ['DEPTH', 'expected JSON of at most 32 levels', '{"a":'.repeat(3000)],
    ['BINARY', 'expected a body that begins with {, [ or X, got 2 other bytes', ' {'],
    ['BINARY', 'expected a body that begins with {, [ or X, got 0 other bytes', ''],
    ['COMPRESSED', 'expected a count, and that many items', 'X'],
  ])('is ignored with the reason %s: %s', async (code, message, text) => {
    expect(await decodeText(text)).toEqual({
      messages: [],
      ignored: [expect.objectContaining({ name: 'ChatError', code, message })],
    })
  })
})

describe('a batch', () => {
  const ok = '{"event":"x.ok","params":{}}'

  test('has its messages in their order, and those that are none do not spoil it', async () => {
    const { messages, ignored } = await decodeText(`[${written[1]?.[1]},[],7,null,{"event":"x.new"},${ok}]`)
    expect(messages.map(({ event }) => event)).toEqual(['x.msg.new', 'x.ok'])
    expect(ignored.map(({ code }) => code)).toEqual(['INVALID', 'INVALID', 'INVALID', 'EVENT'])
    expect(await decodeText('[]')).toEqual({ messages: [], ignored: [] })
  })

  test('has at most 1,000 messages, good and bad', async () => {
    const full = await decodeText(`[${Array(1000).fill(ok).join()}]`)
    expect(full.messages).toHaveLength(1000)
    expect(full.ignored).toEqual([])
    const { messages, ignored } = await decodeText(`[${[...Array(999).fill(ok), 1, ok, ok].join()}]`)
    expect(messages).toHaveLength(999)
    expect(ignored.map(({ code }) => code)).toEqual(['INVALID', 'MANY'])
  })
})

describe('a compressed body', () => {
  const item = (text: string) => {
    const frame = compress(utf8(text), 3)
    return concat(utf8('1'), Uint8Array.of(frame.length >> 8, frame.length), frame)
  }

  test('has the messages of all its items', async () => {
    const [first, second] = [written[1]?.[1] ?? '', written[4]?.[1] ?? '']
    const body = concat(utf8('X\x03'), item(first), concat(utf8('0\x03'), utf8('???')), item(`[${second},${first}]`))
    const { messages, ignored } = await decodeBody(body)
    expect(messages.map(({ event }) => event)).toEqual(['x.msg.new', 'x.ok', 'x.msg.new'])
    expect(ignored).toEqual([expect.objectContaining({ code: 'BINARY' })])
  })

  test('has at most 1,000 messages in all', async () => {
    const many = item(`[${Array(600).fill('{"event":"x.ok","params":{}}').join()}]`)
    const { messages, ignored } = await decodeBody(concat(utf8('X\x02'), many, many))
    expect(messages).toHaveLength(1000)
    expect(ignored).toEqual([expect.objectContaining({ code: 'MANY' })])
  })
})

test('any bytes and any JSON are messages or reasons', async () => {
  const property = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(profile, content, msgId, '1-8', 'x.info'))
  const keys = fc.constantFrom('v', 'msgId', 'event', 'params', 'profile', 'content', '__proto__')
  const message = fc.record({
    v: fc.option(property),
    msgId: fc.option(property),
    event: fc.constantFrom(...written.map(([{ event }]) => event), 'x.other'),
    params: fc.oneof(fc.dictionary(keys, property), property),
  })
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.tuple(fc.constantFrom('{', '[', 'X'), fc.uint8Array({ maxLength: 64 })).map(([c, b]) => concat(utf8(c), b)),
    fc.oneof(message, fc.array(message, { maxLength: 4 })).map((value) => utf8(JSON.stringify(value))),
  )
  await fc.assert(
    fc.asyncProperty(body, async (bytes) => {
      const { messages, ignored } = await decodeBody(bytes)
      for (const reason of ignored) expect(reason).toBeInstanceOf(ChatError)
      // What was read can be written, and is read as the same.
      for (const read of messages) {
        const again = await decodeBody(encodeMessage(read, 65_536))
        expect(again.messages).toEqual([{ ...read, versions: { min: 1, max: 8 } }])
      }
    }),
    { numRuns: 1000 },
  )
})

describe('writing', () => {
  const ofLength = (length: number): OutgoingMessage => {
    const empty = encodeMessage({ event: 'x.msg.new', msgId, params: { content: { type: 'text', text: '' } } }, limit)
    return {
      event: 'x.msg.new',
      msgId,
      params: { content: { type: 'text', text: 'a'.repeat(length - empty.length) } },
    }
  }

  test.each([
    ['a message', bodyLimits.message.plain, 15_795],
    ['a message with post-quantum encryption', bodyLimits.message.postQuantum, 13_573],
    ['connection information', bodyLimits.connInfo.plain, 14_600],
    ['connection information with post-quantum encryption', bodyLimits.connInfo.postQuantum, 10_900],
    ['a contact request', contactRequestLimit('ä'.repeat(100)), 15_696],
  ])('%s takes up to its limit and not more', (_, given, length) => {
    expect(encodeMessage(ofLength(length), given)).toHaveLength(length)
    expect(() => encodeMessage(ofLength(length + 1), given)).toThrow(
      expect.objectContaining({
        code: 'LARGE',
        message: `x.msg.new: expected at most ${length} bytes of JSON, got ${length + 1}`,
      }),
    )
  })

  test('checks what reading checks', () => {
    const bad: OutgoingMessage = {
      event: 'x.info',
      msgId: null,
      params: { profile: { displayName: '@me', fullName: '' } },
    }
    expect(() => encodeMessage(bad, limit)).toThrow(expect.objectContaining({ code: 'INVALID' }))
    expect(() => encodeMessage({ event: 'x.msg.del', msgId: null, params: { msgId: 'a b' } }, limit)).toThrow(
      expect.objectContaining({ code: 'INVALID' }),
    )
  })
})

test('a new id is 12 bytes, and another one each time', () => {
  const ids = Array.from({ length: 100 }, newMessageId)
  for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{16}$/)
  expect(new Set(ids).size).toBe(100)
})

test('a content is shown as its text, or by its type', () => {
  expect(contentToText({ type: 'image', text: 'our cat' })).toBe('our cat')
  expect(contentToText({ type: 'image', text: '' })).toBe('[image]')
})
