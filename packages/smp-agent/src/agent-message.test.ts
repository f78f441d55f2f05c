import { DecodeError, decode, EncodeError, encode, toHex } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { agentMessage, innerMessage } from './agent-message.js'
import * as any from './testing/arbitraries.js'
import { expectNoPrefix, expectOnlyDecodeErrors, expectRoundTrip } from './testing/codecs.js'

const utf8 = (text: string) => new TextEncoder().encode(text)
const prevMsgHash = new Uint8Array(32).fill(0xaa)

test('HELLO and A_MSG as in the worked example', () => {
  const start = `4d000000000000000220${'aa'.repeat(32)}`
  const header = { type: 'message', sndMsgId: 2n, prevMsgHash } as const
  expect(toHex(encode(agentMessage, { ...header, message: { type: 'hello' } }))).toBe(`${start}48`)
  const msg = { ...header, message: { type: 'msg', body: utf8('hello') } } as const
  expect(toHex(encode(agentMessage, msg))).toBe(`${start}4d68656c6c6f`)
})

test('every message reads back', () => expectRoundTrip(agentMessage, any.anyAgentMessage))

test('no part of a message that does not end with free bytes is a message', () => {
  const closed = any.innerMessage.filter(({ type }) => type !== 'msg')
  expectNoPrefix(agentMessage, any.message(closed))
})

test('other bytes are a message or a DecodeError', () => expectOnlyDecodeErrors(agentMessage, any.anyAgentMessage))

describe('refuses', () => {
  test.each([
    ['a tag that is not known', '58'],
    ['the first letter of two', '51'],
    ['two letters that are not known', '5158'],
    ['a lower-case tag', '68'],
    ['an empty list of receipts', '5600'],
    ['bytes after a HELLO', '4820'],
    ['bytes after an EREADY', '45000000000000000100'],
  ])('%s', (_, hex) => {
    const bytes = Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
    expect(() => decode(innerMessage, bytes)).toThrow(DecodeError)
  })

  test('to write an empty list, and a type that it does not know', () => {
    expect(() => encode(innerMessage, { type: 'queueTest', addresses: [] })).toThrow(EncodeError)
    expect(() => encode(innerMessage, { type: 'toString' } as never)).toThrow(EncodeError)
  })
})

test('a body is not copied', () => {
  fc.assert(
    fc.property(any.bytes(), (body) => {
      const bytes = encode(innerMessage, { type: 'msg', body })
      const read = decode(innerMessage, bytes)
      expect(read.type === 'msg' && read.body.buffer === bytes.buffer).toBe(true)
    }),
  )
})
