import os from 'node:os'
import { afterEach, expect, it, vi } from 'vitest'
import { ntfAddress } from './ntf-address.js'

afterEach(() => void vi.restoreAllMocks())

const keyHash = new Uint8Array(32)
const hash = `${'A'.repeat(43)}=`

it.each([
  ['ntf.example.org', '0.0.0.0', 443, 'ntf.example.org'],
  ['ntf.example.org', '0.0.0.0', 5443, 'ntf.example.org:5443'],
  ['ntf.example.org:443', '0.0.0.0', 5443, 'ntf.example.org'],
  ['ntf.example.org:8443', '0.0.0.0', 443, 'ntf.example.org:8443'],
  [`ntf.example.org,${'a'.repeat(56)}.onion`, '127.0.0.1', 443, `ntf.example.org,${'a'.repeat(56)}.onion`],
  [undefined, '192.0.2.1', 443, '192.0.2.1'],
  [undefined, '2001:db8::1', 5443, '[2001:db8::1]:5443'],
])('the address of %s at %s, port %d, ends with %s', (name, host, port, end) => {
  expect(ntfAddress({ host: name }, { host, port }, keyHash)).toBe(`ntf://${hash}@${end}`)
})

it.each(['0.0.0.0', '::'])('names the machine where it listens at %s and nobody says it', (host) => {
  vi.spyOn(os, 'hostname').mockReturnValue('here')
  expect(ntfAddress({ host: undefined }, { host, port: 443 }, keyHash)).toBe(`ntf://${hash}@here`)
})
