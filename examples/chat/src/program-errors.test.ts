import { StoreError } from '@smpkit/agent-store'
import { LinkError, RequestError } from '@smpkit/smp-agent'
import { SmpTransportError } from '@smpkit/smp-transport'
import { describe, expect, it } from 'vitest'
import { ChatError } from './errors.js'
import { describeError, exitCodeOf, exitCodes, usageError } from './program-errors.js'

describe('errors of programs', () => {
  it('are one line, with causes that say more', () => {
    const cause = new Error('connect ECONNREFUSED')
    expect(describeError(new Error('no\nserver', { cause }))).toBe('no server (connect ECONNREFUSED)')
    expect(describeError(new Error('failed: connect ECONNREFUSED', { cause }))).toBe('failed: connect ECONNREFUSED')
    expect(describeError(new Error('same', { cause: new Error('same') }))).toBe('same')
    expect(describeError('text')).toBe('text')
  })

  it.each([
    [usageError('wrong'), exitCodes.usage],
    [new LinkError('SYNTAX', 'cut'), exitCodes.usage],
    [new ChatError('LARGE', 'long'), exitCodes.usage],
    [new LinkError('GONE', 'gone'), exitCodes.refused],
    [new RequestError('PROHIBITED', 'not now'), exitCodes.refused],
    [new SmpTransportError('NETWORK', 'away'), exitCodes.network],
    [new StoreError('UNAVAILABLE', 'away'), exitCodes.database],
    [new TypeError('ours'), exitCodes.internal],
  ])('%s: %i', (error, code) => expect(exitCodeOf(error)).toBe(code))
})
