import { DecodeError, decode, encode } from '@smpkit/encoding'
import { describe, expect, test } from 'vitest'
import { info, type QueueInformation } from './info.js'
import { bytesOf, vectors } from './testing/vectors.js'

interface Case {
  id: string
  bytes: string
  value?: { info: QueueInformation }
  error?: string
}

const tag = Buffer.from('INFO ').toString('hex')
const cases = ['smp-message', 'smp-message-v19'].flatMap((name) => vectors<Case>(name))

describe('INFO in smp/smp-message*.json', () => {
  test.each(cases.filter(([, c]) => c.bytes.startsWith(tag)))('%s', (_, c) => {
    const bytes = bytesOf(c.bytes.slice(tag.length))
    if (c.error) return void expect(() => decode(info, bytes)).toThrow(DecodeError)
    const value = decode(info, bytes)
    expect(value).toEqual(c.value?.info)
    expect(decode(info, encode(info, value))).toEqual(value)
  })
})

test('fields are written in the order of the spec, absent ones not at all', () => {
  const value: QueueInformation = {
    qiSize: 1,
    qiSub: { qDelivered: undefined, qSubThread: 'noSub' },
    qiNtf: false,
    qiSnd: true,
  }
  expect(new TextDecoder().decode(encode(info, value))).toBe(
    '{"qiSnd":true,"qiNtf":false,"qiSub":{"qSubThread":"noSub"},"qiSize":1}',
  )
})

test.each([
  ['an unknown kind of subscription', '{"qiSnd":true,"qiNtf":true,"qiSize":0,"qiSub":{"qSubThread":"other"}}'],
  ['a message without a time', '{"qiSnd":true,"qiNtf":true,"qiSize":0,"qiMsg":{"msgId":"AA==","msgType":"quota"}}'],
  ['a size that is a text', '{"qiSnd":true,"qiNtf":true,"qiSize":"0"}'],
])('does not read %s', (_, text) => {
  expect(() => decode(info, new TextEncoder().encode(text))).toThrow(DecodeError)
})
