import fc from 'fast-check'
import { expect, test } from 'vitest'
import { statusReason } from '../http.js'
import { vectors } from '../testing/vectors.js'

import { readApnsAnswer } from './answer.js'

const now = Date.parse('2026-06-01')
const read = (status: number, body: object | string = '', more: { retryAfter?: string; registeredAt?: number } = {}) =>
  readApnsAnswer(
    { status, retryAfter: more.retryAfter, body: typeof body === 'string' ? body : JSON.stringify(body) },
    { registeredAt: more.registeredAt ?? now },
    now,
  )

interface ResponseCase {
  id: string
  in: { replies: { status: number; reason: string | null }[] }
  out: { attempts: number; tokenStatus: string }
}

test.each(vectors<ResponseCase>('push-response'))('vector %s', (_, { in: { replies }, out }) => {
  let tokenStatus = 'ACTIVE'
  // How often is tried again is the policy of who was recorded.
  for (const { status, reason } of replies.slice(0, out.attempts)) {
    const outcome = read(status, reason === null ? '' : { reason })
    if (outcome.outcome === 'gone') tokenStatus = `INVALID,${outcome.reason}`
  }
  expect(tokenStatus).toBe(out.tokenStatus)
})

test.each([
  ['BadDeviceToken', 410],
  ['Unregistered', 400],
  ['unregistered', 410],
  ['BadDeviceToken', 403],
  ['DeviceTokenNotForTopic', 413],
])('%s with %i, which Apple does not send, leaves the token alone', (reason, status) => {
  expect(read(status, { reason }).outcome).toBe('refused')
})

test.each(['Unregistered', 'ExpiredToken'])('%s counts if its time is later than the registration', (reason) => {
  const at = (timestamp: unknown) => read(410, { reason, timestamp }).outcome
  expect(at(now + 1)).toBe('gone')
  expect(at(undefined)).toBe('gone')
  expect(at('text')).toBe('gone')
  expect(read(410, { reason, timestamp: now })).toEqual({ outcome: 'retry', afterMs: 0, reason: 'registered-since' })
  expect(at(now - 86_400_000)).toBe('retry')
})

test('429, 500 and 503 are tried again, not before the time that Apple names', () => {
  for (const status of [429, 500, 503]) {
    expect(read(status)).toEqual({ outcome: 'retry', afterMs: 0, reason: statusReason(status) })
    expect(read(status, '', { retryAfter: '90' })).toMatchObject({ outcome: 'retry', afterMs: 90_000 })
  }
  expect(read(429, { reason: 'TooManyRequests' })).toEqual({ outcome: 'retry', afterMs: 0, reason: 'TooManyRequests' })
  expect(read(429, { reason: 'TooManyProviderTokenUpdates' })).toMatchObject({ outcome: 'retry', all: true })
})

test('of a refused JWT another one is asked for', () => {
  expect(read(403, { reason: 'ExpiredProviderToken' })).toEqual({ outcome: 'renew', reason: 'ExpiredProviderToken' })
  expect(read(403, { reason: 'Forbidden' })).toEqual({ outcome: 'refused', reason: 'Forbidden' })
})

test('any other answer is refused with a reason of ours', () => {
  const reasons = fc.oneof(fc.string(), fc.constant('secret'))
  fc.assert(
    fc.property(fc.integer({ min: 201, max: 599 }), fc.oneof(reasons, fc.json()), reasons, (status, body, reason) => {
      fc.pre(![429, 500, 503].includes(status))
      for (const text of [body, JSON.stringify({ reason })]) {
        expect(read(status, text)).toEqual({ outcome: 'refused', reason: statusReason(status) })
      }
    }),
  )
})
