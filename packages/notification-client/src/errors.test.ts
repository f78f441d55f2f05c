import { NtfClientError, NtfReplyError } from '@smpkit/ntf-protocol'
import { ServiceClientError, ServiceStatusError } from '@smpkit/service-protocol'
import { LinkError, RequestError } from '@smpkit/smp-agent'
import { cmd } from '@smpkit/smp-commands'
import { describe, expect, it } from 'vitest'
import { NotificationClientError, problemOf } from './errors.js'
import { Refusal } from './refusal.js'

describe('what a request ends with', () => {
  it.each([
    ['NETWORK', true, new ServiceStatusError('too_many', { reason: 'requests', retryAfter: 5 })],
    ['NETWORK', true, new ServiceStatusError('unavailable', { reason: 'stopping' })],
    ['NETWORK', true, new ServiceClientError('TIMEOUT', 'none')],
    ['LIMIT', false, new ServiceStatusError('forbidden', { reason: 'tokens' })],
    ['DEVICE', false, new ServiceStatusError('bad_request', { reason: 'data' })],
    ['SERVICE', false, new ServiceStatusError('not_allowed', { reason: 'method' })],
    ['SERVICE', false, new ServiceStatusError('new_status', { reason: 'unknown' })],
    ['SERVICE', false, new ServiceClientError('ANSWER', 'another')],
    ['ADDRESS', false, new LinkError('GONE', 'used')],
    ['LIMIT', false, new NtfReplyError({ code: 'QUOTA' })],
    ['DEVICE', false, new NtfReplyError(cmd('PROHIBITED'))],
    ['SERVICE', false, new NtfReplyError(cmd('SYNTAX'))],
    ['SERVICE', false, new NtfReplyError({ code: 'AUTH' })],
    ['NETWORK', true, new NtfReplyError({ code: 'STORE', text: 'secret' })],
    ['NETWORK', true, new NtfClientError('TIMEOUT', 'none')],
    ['ADDRESS', false, new NtfClientError('CONNECT', 'another key', { temporary: false })],
    ['SERVICE', false, new NtfClientError('RESPONSE', 'secret')],
    ['CLOSED', false, new RequestError('CLOSED', 'closed')],
    ['INTERNAL', true, new Error('secret')],
    ['INTERNAL', true, undefined],
  ] as const)('is %s, which may pass: %s', (code, temporary, cause) => {
    const problem = problemOf(cause)
    expect(problem).toMatchObject({ name: 'NotificationClientError', code, temporary, cause })
    expect(problem.message).not.toContain('secret')
    expect(problemOf(problem)).toBe(problem)
  })

  it('is told by what was refused', () => {
    expect(problemOf(new Refusal('conflict', new NtfReplyError(cmd('PROHIBITED'))))).toMatchObject({ code: 'DEVICE' })
    expect(problemOf(new Refusal('inactive', undefined))).toMatchObject({ code: 'INTERNAL' })
  })

  it('is an error of this package', () => {
    expect(new NotificationClientError('PUSH', 'x')).toBeInstanceOf(Error)
  })
})
