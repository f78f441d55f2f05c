import { ServiceClientError, ServiceStatusError } from '@smpkit/service-protocol'
import { LinkError, RequestError } from '@smpkit/smp-agent'
import { describe, expect, it } from 'vitest'
import { NotificationClientError, problemOf } from './errors.js'

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
    ['CLOSED', false, new RequestError('CLOSED', 'closed')],
    ['INTERNAL', true, new Error('secret')],
    ['INTERNAL', true, undefined],
  ] as const)('is %s, which may pass: %s', (code, temporary, cause) => {
    const problem = problemOf(cause)
    expect(problem).toMatchObject({ name: 'NotificationClientError', code, temporary, cause })
    expect(problem.message).not.toContain('secret')
    expect(problemOf(problem)).toBe(problem)
  })

  it('is an error of this package', () => {
    expect(new NotificationClientError('PUSH', 'x')).toBeInstanceOf(Error)
  })
})
