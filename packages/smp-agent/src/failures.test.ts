import { StoreError } from '@smpkit/agent-store'
import { CryptoError } from '@smpkit/crypto'
import { DecodeError } from '@smpkit/encoding'
import { RatchetError } from '@smpkit/ratchet'
import { SmpClientError, SmpReplyError } from '@smpkit/smp-client'
import type { ErrorType } from '@smpkit/smp-commands'
import { expect, it } from 'vitest'
import { PeerError, RequestError } from './errors.js'
import { isGone, isReply, isTemporary, problemOf } from './failures.js'

const proxied = (inner: Extract<ErrorType, { code: 'PROXY' }>['inner']) =>
  new SmpReplyError({ code: 'PROXY', inner }, 'proxy')
const auth = new SmpReplyError({ code: 'AUTH' })
const quota = new SmpReplyError({ code: 'QUOTA' })
const authBehindProxy = proxied({ code: 'PROTOCOL', inner: { code: 'AUTH' } })

it('what may pass is told from what will not', () => {
  const passing = [
    new SmpClientError('TIMEOUT', ''),
    new SmpClientError('CLOSED', ''),
    new StoreError('UNAVAILABLE', '', { temporary: true }),
    proxied({ code: 'BROKER', inner: { code: 'TIMEOUT' } }),
    proxied({ code: 'BROKER', inner: { code: 'HOST' } }),
  ]
  for (const error of passing) expect(isTemporary(error), String(error)).toBe(true)
  const final = [
    auth,
    authBehindProxy,
    new SmpClientError('ABORTED', ''),
    new StoreError('CORRUPT', ''),
    new PeerError('A_MESSAGE', ''),
    new RequestError('NOT_FOUND', ''),
    new TypeError('a mistake'),
    undefined,
    { temporary: true },
  ]
  for (const error of final) expect(isTemporary(error), String(error)).toBe(false)
})

it("a server's answer is the same whether it came through a proxy or not", () => {
  expect([isReply(auth, 'AUTH'), isReply(authBehindProxy, 'AUTH')]).toEqual([true, true])
  expect([isReply(auth, 'QUOTA'), isReply(quota, 'QUOTA')]).toEqual([false, true])
  expect(isReply(new SmpClientError('TIMEOUT', ''), 'AUTH')).toBe(false)
  expect(isReply(new TypeError('a mistake'), 'AUTH')).toBe(false)
})

it('what was deleted meanwhile is known by its error', () => {
  expect(isGone(new RequestError('NOT_FOUND', ''))).toBe(true)
  expect(isGone(new RequestError('PROHIBITED', ''))).toBe(false)
  expect(isGone(new StoreError('CORRUPT', ''))).toBe(false)
})

it('an event tells the code and message of our errors, and nothing of others', () => {
  const ours = [
    new PeerError('A_QUEUE', 'why'),
    new RatchetError('RATCHET_HEADER', 'why'),
    new SmpClientError('TIMEOUT', 'why'),
    new StoreError('CORRUPT', 'why'),
    new CryptoError('DECRYPT', 'why'),
    new DecodeError('truncated', 'why', 0),
  ]
  for (const error of ours) expect(problemOf(error)).toEqual({ code: error.code, reason: error.message })
  for (const error of [new Error('secret'), 'secret', null]) {
    expect(problemOf(error)).toEqual({ code: 'INTERNAL', reason: 'unexpected error' })
  }
  // It is stored as a short string.
  expect(problemOf(new PeerError('A_QUEUE', 'x'.repeat(1000))).reason).toHaveLength(120)
})
