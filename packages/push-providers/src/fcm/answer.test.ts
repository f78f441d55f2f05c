import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readFcmAnswer } from './answer.js'

const now = Date.parse('2026-06-01')
const fcmError = (errorCode: string) => ({ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode })
const violations = (...fields: string[]) => ({
  '@type': 'type.googleapis.com/google.rpc.BadRequest',
  fieldViolations: fields.map((field) => ({ field })),
})
const read = (status: number, details: unknown = [], retryAfter?: string) =>
  readFcmAnswer({ status, retryAfter, body: JSON.stringify({ error: { code: status, details } }) }, now)

test('200 is accepted', () => {
  expect(read(200)).toEqual({ outcome: 'accepted' })
})

test.each([
  [404, [fcmError('UNREGISTERED')], 'UNREGISTERED'],
  [403, [fcmError('SENDER_ID_MISMATCH')], 'TOPIC'],
  [400, [fcmError('INVALID_ARGUMENT'), violations('message.data', 'message.token')], 'BAD'],
])('%i %j: the token is dead', (status, details, reason) => {
  expect(read(status, details)).toEqual({ outcome: 'gone', reason })
})

test.each([
  [404, []],
  [404, [{ ...fcmError('UNREGISTERED'), '@type': 'another' }]],
  [400, [fcmError('UNREGISTERED')]],
  [400, [fcmError('INVALID_ARGUMENT')]],
  [400, [fcmError('INVALID_ARGUMENT'), violations('message.data')]],
  [400, [violations('message.token')]],
  [413, []],
  [302, []],
  [204, []],
])('%i %j says nothing about the token', (status, details) => {
  expect(read(status, details)).toEqual({ outcome: 'refused', reason: `http-${status}` })
})

test.each([
  [429, 'QUOTA_EXCEEDED', 60_000],
  [503, 'UNAVAILABLE', 10_000],
  [500, 'INTERNAL', 10_000],
  [502, '', 10_000],
])('%i is tried again, after the time that FCM names or else ours', (status, code, afterMs) => {
  expect(read(status, [fcmError(code)])).toEqual({ outcome: 'retry', afterMs, reason: `http-${status}` })
  expect(read(status, [fcmError(code)], '90')).toMatchObject({ outcome: 'retry', afterMs: 90_000 })
})

test('a service account that may not push stops all pushes, and an access token that is refused is renewed', () => {
  expect(read(403)).toEqual({ outcome: 'retry', afterMs: 60_000, reason: 'http-403', all: true })
  expect(read(401)).toEqual({ outcome: 'renew', reason: 'http-401' })
  expect(read(401, [fcmError('THIRD_PARTY_AUTH_ERROR')])).toEqual({ outcome: 'renew', reason: 'third-party-auth' })
})

test('no body of another form kills a token', () => {
  const bodies = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((details) => JSON.stringify({ error: { details } })),
    fc.jsonValue().map((detail) => JSON.stringify({ error: { details: [detail] } })),
  )
  fc.assert(
    fc.property(fc.integer({ min: 201, max: 599 }), bodies, (status, body) => {
      expect(readFcmAnswer({ status, retryAfter: undefined, body }, now).outcome).not.toBe('gone')
    }),
  )
})
