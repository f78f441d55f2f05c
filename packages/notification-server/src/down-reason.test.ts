import { SmpClientError, SmpReplyError } from '@smpkit/smp-client'
import { SmpTransportError } from '@smpkit/smp-transport'
import { expect, test } from 'vitest'
import { codeOf, reasonOf } from './down-reason.js'

const cannotConnect = (cause: unknown) => new SmpClientError('CONNECT', 'cannot connect', { cause })

test.each([
  ['CLOSED', undefined],
  ['CLOSED', new SmpClientError('CLOSED', 'ended')],
  ['TIMEOUT', cannotConnect(new SmpTransportError('TIMEOUT', 'late'))],
  ['IDENTITY', cannotConnect(new SmpTransportError('IDENTITY', 'another'))],
  ['address refused', cannotConnect(new SmpTransportError('REFUSED_ADDRESS', 'no'))],
  ['address refused', cannotConnect(new SmpTransportError('HOST', 'none'))],
  ['CONNECT', cannotConnect(new Error('anything'))],
])('a server is down by %s', (reason, error) => {
  expect(reasonOf(error)).toBe(reason)
})

test('a refusal is told by the word of the server, and SERVICE is one to be tried again', () => {
  expect(codeOf(new SmpReplyError({ code: 'AUTH' }))).toBe('AUTH')
  expect(codeOf(new SmpReplyError({ code: 'SERVICE' }))).toBe('AUTH')
  expect(codeOf(new SmpReplyError({ code: 'INTERNAL' }))).toBe('INTERNAL')
  expect(codeOf(cannotConnect(new SmpTransportError('REFUSED_ADDRESS', 'no')))).toBe('address refused')
})
