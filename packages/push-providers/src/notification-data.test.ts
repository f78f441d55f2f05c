import { randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PayloadError } from './errors.js'
import {
  checkMessagesData,
  kindOf,
  messageData,
  type NotificationData,
  openPush,
  readNotificationData,
  verificationCode,
  verificationData,
  verifyCommand,
} from './notification-data.js'
import { bytesOf, vectors } from './testing/vectors.js'

interface Case {
  id: string
  op: string
  in: { secret: string; notificationData: { nonce: string; verification: string } }
  out: { code: string; command: string }
}

const secret = randomBytes(32)
const code = randomBytes(32)
const queue = 'smp://QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=@smp.example.com/YGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3'
const item = `${queue} 1700000001 gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaX _8XPww==`

test.each(vectors<Case>('push-regcode').filter(([, { op }]) => op === 'code'))('vector %s', (_, { in: input, out }) => {
  const received = verificationCode(bytesOf(input.secret), input.notificationData)
  expect(toHex(received)).toBe(out.code)
  expect(toHex(verifyCommand(received))).toBe(out.command)
})

test('a device opens each kind of push that was made for it', () => {
  expect(openPush(secret, verificationData(secret, code))).toEqual({ kind: 'verification', code })
  expect(openPush(secret, checkMessagesData)).toEqual({ kind: 'check' })
  // As FCM carries it.
  expect(openPush(secret, { checkMessages: 'true' })).toEqual({ kind: 'check' })
  const opened = openPush(secret, JSON.parse(JSON.stringify(messageData(secret, `${queue} 1 AA== ;${item}`))))
  expect(opened).toMatchObject({ kind: 'message', items: [{ ntfTs: 1700000001 }] })
})

test('kinds are told apart by their members', () => {
  expect([verificationData(secret, code), messageData(secret, item), checkMessagesData].map(kindOf)).toEqual([
    'verification',
    'message',
    'check',
  ])
})

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'checkMessages'],
  ['an empty object', {}],
  ['checkMessages that is not true', { checkMessages: 'yes' }],
  ['two kinds', { nonce: 'a', message: 'b', verification: 'c' }],
  ['a kind without a nonce', { message: 'b' }],
  ['a nonce that is no text', { nonce: 1, message: 'b' }],
  ['a check with a message', { nonce: 'a', message: 'b', checkMessages: true }],
  ['inherited members', Object.create({ checkMessages: true })],
])('%s is no notificationData', (_, json) => {
  expect(() => readNotificationData(json)).toThrow(expect.objectContaining({ code: 'FORMAT' }))
})

test('unknown members are ignored', () => {
  const data: NotificationData = { nonce: 'a', message: 'b' }
  expect(readNotificationData({ ...data, badge: 1 })).toEqual(data)
})

test('any JSON is opened or refused with a PayloadError', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      try {
        openPush(secret, json)
      } catch (error) {
        if (!(error instanceof PayloadError)) throw error
      }
    }),
  )
})

test('a message push whose content is no UTF-8 is refused', () => {
  const { nonce, verification } = verificationData(secret, Uint8Array.of(0xff, 0xfe)) as {
    nonce: string
    verification: string
  }
  expect(() => openPush(secret, { nonce, message: verification })).toThrow(expect.objectContaining({ code: 'FORMAT' }))
})
