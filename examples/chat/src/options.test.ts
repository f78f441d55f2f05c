import { describe, expect, it } from 'vitest'
import { readName, readServer, readSocks } from './options.js'
import { exitCodes } from './program-errors.js'

const wrong = expect.objectContaining({ name: 'ProgramError', code: exitCodes.usage })
const server = `smp://${'A'.repeat(43)}=@127.0.0.1:5223`

describe('options', () => {
  it('take the address of an SMP server, also with a password that is never repeated', () => {
    expect(readServer(server)).toBe(server)
    for (const text of [
      '',
      'example.com',
      'https://example.com',
      server.slice(0, 20),
      server.replace('smp:', 'xftp:'),
    ]) {
      expect(() => readServer(text)).toThrow(wrong)
    }
    expect(readServer(server.replace('=@', '=:letmein@'))).toContain('letmein')
    expect(() => readServer(server.replace('=@', '=:letmein@').replace('A', ''))).toThrow(/^(?!.*letmein).*--server: /)
  })

  it('take a name that other programs accept', () => {
    expect(readName(' Alice Miller ')).toBe('Alice Miller')
    for (const text of ['', '  ', '#group', '@alice']) expect(() => readName(text)).toThrow(wrong)
  })

  it.each([
    ['127.0.0.1:9050', { host: '127.0.0.1', port: 9050 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
    ['[::1]:9050', { host: '::1', port: 9050 }],
    ['socks5h://tor:9050', { host: 'tor', port: 9050 }],
  ])('take the proxy %s', (text, proxy) => expect(readSocks(text)).toEqual(proxy))

  it.each(['', 'localhost', ':9050', 'localhost:0', 'localhost:65536', 'user:secret@host:9050', 'http://host:1'])(
    'refuse the proxy %s',
    (text) => expect(() => readSocks(text)).toThrow(wrong),
  )
})
