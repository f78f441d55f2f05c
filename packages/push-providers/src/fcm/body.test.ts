import { randomBytes } from '@smpkit/crypto'
import { expect, test } from 'vitest'
import { messageData, readNotificationData, verificationData } from '../notification-data.js'
import { fcmBody } from './body.js'

const secret = randomBytes(32)

test('a check is a text, of normal priority, and replaces the one before', () => {
  expect(fcmBody('check', 't', { checkMessages: true })).toBe(
    '{"message":{"token":"t","data":{"checkMessages":"true"},"android":{"priority":"NORMAL","ttl":"86400s","collapse_key":"check"}}}',
  )
})

test('a message waits for four weeks, a verification for a day, and neither is replaced', () => {
  const message = JSON.parse(fcmBody('message', 't', messageData(secret, 'x')))
  expect(message.message.android).toEqual({ priority: 'HIGH', ttl: '2419200s' })
  const verification = JSON.parse(fcmBody('verification', 't', verificationData(secret, randomBytes(32))))
  expect(verification.message.android).toEqual({ priority: 'HIGH', ttl: '86400s' })
})

test('a device reads what was put in, which fits', () => {
  for (const data of [messageData(secret, 'x'), { checkMessages: true } as const]) {
    const { message } = JSON.parse(fcmBody('message', 't', data))
    expect(readNotificationData(message.data)).toEqual(data)
    expect(JSON.stringify(message.data).length).toBeLessThanOrEqual(4096)
  }
})
