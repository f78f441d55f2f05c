import { PrivateKey } from '@smpkit/crypto'
import { encodeResponse, maxServiceMessagePq, readMessage } from '@smpkit/service-protocol'
import { maxIdsAtOnce, maxPage, maxSubscriptionsAtOnce } from '@smpkit/service-protocol/notification'
import { describe, expect, test } from 'vitest'
import { NotificationServerError } from '../errors.js'
import { addedSubscriptions, refusal, removedSubscriptions, subscriptionPage } from './answers.js'

const id = 'x'.repeat(32)
/** The longest reasons are words of SMP. */
const state = { id, status: 'inactive', reason: 'x'.repeat(40), updatedAt: 1_700_000_000_999 } as const
const dhKey = PrivateKey.generate('x25519').publicKey
const token = { id, dhKey, status: 'registered', created: true } as const
const longest = new NotificationServerError('LIMIT', 'subscriptions', 'x'.repeat(120), { max: 5000, retryAfter: 1 })
const missing = new NotificationServerError('NOT_FOUND', 'subscription', 'expected one')
const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)

describe('an answer', () => {
  test.each([
    [
      'all subscriptions of a request',
      addedSubscriptions(many(maxSubscriptionsAtOnce, { ...state, created: true, token }), true),
    ],
    ['as many refused ones', addedSubscriptions(many(maxSubscriptionsAtOnce, { error: longest }), true)],
    ['all deleted ones', removedSubscriptions(many(maxIdsAtOnce, missing))],
    ['a page', subscriptionPage(many(maxPage, state), true)],
  ])('of %s fits one message, whatever its keys', (_, answer) => {
    for (const syntax of ['json', 'text'] as const) {
      const bytes = encodeResponse({ ref: id, ...answer }, { syntax, maxLength: maxServiceMessagePq })
      expect(readMessage(bytes)).toMatchObject({ status: 'ok' })
    }
  })

  test('to a limit that passes says when, to one that stays does not', () => {
    const error = (retryAfter?: number) =>
      new NotificationServerError('LIMIT', 'servers', 'expected fewer', { max: 20, ...(retryAfter && { retryAfter }) })
    expect(refusal(error(1500))).toMatchObject({
      status: 'too_many',
      data: { reason: 'servers', max: 20, retryAfter: 2 },
    })
    expect(refusal(error())).toMatchObject({ status: 'forbidden', data: { reason: 'servers', max: 20 } })
  })
})
