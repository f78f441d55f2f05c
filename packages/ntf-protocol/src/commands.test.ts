import { toHex, Writer } from '@smpkit/encoding'
import { ParseError } from '@smpkit/smp-commands'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type NtfCommand, ntfCommandFormat, ntfCommands } from './commands.js'
import { command, versions } from './testing/values.js'
import { bytesOf, plain, vectors } from './testing/vectors.js'
import { type NtfVersion, ntfVersions } from './versions.js'

function written(value: NtfCommand, version: NtfVersion = ntfVersions.max): Uint8Array {
  const writer = new Writer()
  ntfCommandFormat(version).write(writer, value)
  return writer.bytes()
}

const read = (bytes: Uint8Array, version: NtfVersion = ntfVersions.max) => ntfCommandFormat(version).read(bytes)

function codeOf(bytes: Uint8Array, version?: NtfVersion): string | undefined {
  try {
    read(bytes, version)
    return undefined
  } catch (error) {
    if (error instanceof ParseError) return error.code
    throw error
  }
}

const decoding = vectors('ntf-command', 'roundtrip', 'decode')
const good = decoding.filter(([, { error }]) => !error)

test('the vectors have every command of the table', () => {
  const seen = new Set(good.map(([, { bytes, version }]) => read(bytesOf(bytes), version).tag))
  expect([...seen].sort()).toEqual(Object.keys(ntfCommands).sort())
})

test.each(decoding)('vector %s', (_, { op, version, bytes, value, error }) => {
  if (error) return expect(codeOf(bytesOf(bytes), version)).toBe(error)
  const decoded = read(bytesOf(bytes), version)
  expect(plain(decoded)).toEqual(value)
  if (op === 'roundtrip') expect(toHex(written(decoded, version))).toBe(bytes)
})

test.each(vectors('ntf-command', 'encode'))(
  'vector %s: the old name of a public server is written as it is',
  (id, c) => {
    const [, pair] = vectors('ntf-command', 'decode').find(([other]) => other === id.replace(/enc$/, 'dec')) ?? []
    expect(pair?.bytes).toBe(c.bytes)
    const decoded = read(bytesOf(c.bytes), c.version)
    if (decoded.tag !== 'SNEW') throw new Error('expected SNEW')
    expect(decoded.server.hosts).toHaveLength(2)
    const old = { ...decoded, server: { ...decoded.server, hosts: decoded.server.hosts.slice(0, 1) } }
    expect(toHex(written(old, c.version))).toBe(c.bytes)
  },
)

test('a command reads back as it was written', () => {
  fc.assert(
    fc.property(command, fc.constantFrom(...versions), (value, version) => {
      expect(plain(read(written(value, version), version))).toEqual(plain(value))
    }),
  )
})

test('no proper prefix of a command is that command', () => {
  for (const [, { bytes, version }] of good) {
    const whole = bytesOf(bytes)
    for (let length = 0; length < whole.length; length++) {
      const code = codeOf(whole.subarray(0, length), version)
      expect(code).toBe(length < 4 ? 'UNKNOWN' : 'SYNTAX')
    }
  }
})

test('one byte more is a syntax error', () => {
  fc.assert(
    fc.property(command, fc.nat(255), (value, more) => {
      const bytes = written(value)
      const longer = Uint8Array.of(...bytes, bytes.length === 4 ? 0x20 : more)
      expect(codeOf(longer)).toBe('SYNTAX')
    }),
  )
})

test('a changed byte gives a command that can be written again, or a ParseError', () => {
  const sample = fc.constantFrom(...good.map(([, { bytes }]) => bytesOf(bytes)))
  fc.assert(
    fc.property(sample, fc.nat(), fc.nat(255), (bytes, at, value) => {
      const mutated = bytes.slice()
      mutated[at % mutated.length] = value
      try {
        written(read(mutated))
      } catch (error) {
        expect(error).toBeInstanceOf(ParseError)
      }
    }),
    { numRuns: 2000 },
  )
})

test('random bytes behind a tag are a command or a ParseError', () => {
  const tag = fc.constantFrom(...Object.keys(ntfCommands).map((word) => new TextEncoder().encode(`${word} `)))
  fc.assert(
    fc.property(tag, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
      expect(codeOf(Uint8Array.of(...start, ...rest)) ?? 'SYNTAX').toBe('SYNTAX')
      expect(['UNKNOWN', 'SYNTAX']).toContain(codeOf(rest) ?? 'SYNTAX')
    }),
  )
})

test('minutes above 16 bits and tokens above 255 bytes are not written', () => {
  expect(() => written({ tag: 'TCRN', minutes: 65536 })).toThrow(expect.objectContaining({ code: 'RANGE' }))
  const token = new Uint8Array(256)
  expect(() => written({ tag: 'TRPL', provider: 'AP', token })).toThrow(expect.objectContaining({ code: 'LARGE' }))
  const provider = 'XX' as 'AP'
  expect(() => written({ tag: 'TRPL', provider, token: new Uint8Array(1) })).toThrow(
    expect.objectContaining({ code: 'RANGE' }),
  )
})

test('each version has one format', () => {
  for (const version of versions) expect(ntfCommandFormat(version)).toBe(ntfCommandFormat(version))
})

test('what is read does not show its keys', () => {
  const snew = good.find(([id]) => id === 'snew-domain-v3')?.[1]
  expect(JSON.stringify(read(bytesOf(snew?.bytes ?? '')))).toContain('PrivateKey(ed25519)')
})
