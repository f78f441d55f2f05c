import { describe, expect, it } from 'vitest'
import { defaultLimits } from './limits.js'
import { readServer } from './named-server.js'
import { serverOf } from './testing/fakes.js'
import { address, addressText } from './testing/setup.js'

const read = (given: Parameters<typeof readServer>[0]) => readServer(given, defaultLimits, new Map())

describe('an SMP server', () => {
  it('is its key hash, and keeps the address that was given', () => {
    const named = { server: serverOf(address()), address: addressText() }
    expect(read(address())).toEqual(named)
    expect(read(addressText())).toEqual(named)
  })

  it('is read once, however often it is named', () => {
    const known = new Map()
    const first = readServer(address(), defaultLimits, known)
    expect(readServer(addressText(), defaultLimits, known)).toBe(first)
    expect(readServer(address('other.example.com'), defaultLimits, known)).toMatchObject({ server: first.server })
    expect(known.size).toBe(2)
  })

  it.each([
    ['no address', 'smp.example.com'],
    ['another scheme', addressText().replace('smp:', 'xftp:')],
    ['a password', addressText().replace('@', ':password@')],
    ['a short hash', 'smp://AAAA@smp.example.com'],
    ['a port that is none', `${addressText()}:70000`],
    ['too long an address', addressText(`${'a'.repeat(defaultLimits.addressLength)}.example.com`)],
  ])('is not one with %s', (_, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST', reason: 'server' }))
  })
})
