import { CryptoError, sha256 } from '@smpkit/crypto'
import { DecodeError, EncodeError, toHex } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeRcvBody, decryptMsgBody, encodeRcvBody, encryptMsgBody, type RcvBody } from './message-body.js'
import { bytesOf, vectors } from './testing/vectors.js'

interface Fields {
  quota: boolean
  ts: number
  notification: boolean
  body?: string
}

interface Case {
  id: string
  op: string
  error?: 'any'
  in: Fields & { secretRaw: string; msgId: string; plain: string; bodyLength: number; bodyFill: string }
  out: Fields & { plain?: string; enc?: string; encLength?: number; encSha256?: string; encPrefix?: string }
}

const bodyOf = (v: Case['in']) =>
  v.body === undefined ? new Uint8Array(v.bodyLength).fill(Number.parseInt(v.bodyFill, 16)) : bytesOf(v.body)
const rcvBodyOf = (v: Case['in']): RcvBody =>
  v.quota ? { quota: true, ts: v.ts } : { quota: false, ts: v.ts, notification: v.notification, body: bodyOf(v) }
const plainOf = (v: RcvBody) => (v.quota ? v : { ...v, body: toHex(v.body) })

describe('smp/crypto-rcv-body.json', () => {
  test.each(vectors<Case>('crypto-rcv-body'))('%s', (_, { op, error, in: input, out }) => {
    if (error) return void expect(() => decodeRcvBody(bytesOf(input.plain))).toThrow(DecodeError)
    if (op === 'parse-rcv-body') return void expect(plainOf(decodeRcvBody(bytesOf(input.plain)))).toEqual(out)
    const [secret, msgId] = [bytesOf(input.secretRaw), bytesOf(input.msgId)]
    const value = rcvBodyOf(input)
    if (out.plain !== undefined) expect(toHex(encodeRcvBody(value))).toBe(out.plain)
    const encrypted = encryptMsgBody(secret, msgId, value)
    if (out.enc) expect(toHex(encrypted)).toBe(out.enc)
    if (out.encSha256) expect(toHex(sha256(encrypted))).toBe(out.encSha256)
    expect(encrypted.length).toBe(16122)
    expect(decryptMsgBody(secret, msgId, encrypted)).toEqual(value)
  })
})

const secret = new Uint8Array(32).fill(1)
const msgId = new Uint8Array(24).fill(2)

test('any body reads back; no proper prefix of its head decodes', () => {
  const body: fc.Arbitrary<RcvBody> = fc.oneof(
    fc.record(
      {
        quota: fc.constant(false as const),
        ts: fc.maxSafeInteger(),
        notification: fc.boolean(),
        body: fc.uint8Array(),
      },
      { noNullPrototype: true },
    ),
    fc.record({ quota: fc.constant(true as const), ts: fc.nat() }, { noNullPrototype: true }),
  )
  fc.assert(
    fc.property(body, (value) => {
      const plain = encodeRcvBody(value)
      expect(decodeRcvBody(plain)).toEqual(value)
      const head = value.quota ? plain.length : 10
      for (let length = 0; length < head; length++) {
        expect(() => decodeRcvBody(plain.subarray(0, length))).toThrow(DecodeError)
      }
    }),
  )
})

test('random bytes give a DecodeError or a body', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        expect(decodeRcvBody(bytes)).toHaveProperty('ts')
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
  )
})

test('16094 bytes fit, one more does not', () => {
  const value = (length: number): RcvBody => ({ quota: false, ts: 1, notification: true, body: new Uint8Array(length) })
  expect(encryptMsgBody(secret, msgId, value(16094)).length).toBe(16122)
  expect(() => encryptMsgBody(secret, msgId, value(16095))).toThrow(EncodeError)
})

test('with another id or a changed byte it does not decrypt', () => {
  const encrypted = encryptMsgBody(secret, msgId, { quota: true, ts: 1 })
  expect(() => decryptMsgBody(secret, msgId.with(0, 3), encrypted)).toThrow(CryptoError)
  const changed = encrypted.with(9000, (encrypted[9000] as number) ^ 1)
  expect(() => decryptMsgBody(secret, msgId, changed)).toThrow(expect.objectContaining({ code: 'DECRYPT' }))
})
