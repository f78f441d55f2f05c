import { describe, expect, it } from 'vitest'
import { isPublic, isPublicOrLoopback } from './allow-address.js'

describe('isPublic', () => {
  it.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '192.0.1.1', '2606:4700:4700::1111', '2a00:1450::1', '::ffff:8.8.8.8'])(
    'allows %s',
    (ip) => expect(isPublic(ip)).toBe(true),
  )

  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    'fe80::1',
    'fc00::1',
    'ff02::1',
    'localhost',
    '127.1',
    '',
  ])('refuses %s', (ip) => expect(isPublic(ip)).toBe(false))
})

describe('isPublicOrLoopback', () => {
  it.each(['127.0.0.1', '127.8.9.1', '::1', '8.8.8.8'])('allows %s', (ip) => expect(isPublicOrLoopback(ip)).toBe(true))

  it.each(['10.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', 'localhost', ''])('refuses %s', (ip) =>
    expect(isPublicOrLoopback(ip)).toBe(false),
  )
})
