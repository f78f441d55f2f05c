import { readFileSync } from 'node:fs'
import { EncodeError, Writer } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { commandFormat, commands, messageFormat, messages } from './commands.js'
import { ParseError } from './errors.js'
import { type SmpVersion, smpVersions } from './versions.js'

const versions = Array.from(
  { length: smpVersions.max - smpVersions.min + 1 },
  (_, i) => (smpVersions.min + i) as SmpVersion,
)
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

/** Well-formed commands or messages of each version, from the vectors. */
function recorded(kind: 'command' | 'message') {
  return [`smp-${kind}.json`, `smp-${kind}-v19.json`].flatMap((file) => {
    const suite = JSON.parse(readFileSync(new URL(`../../../test-vectors/smp/${file}`, import.meta.url), 'utf8'))
    return (suite.cases as { id: string; version: number; bytes: string; error?: string; lax?: boolean }[])
      .filter(({ version, error, lax }) => version >= smpVersions.min && !error && !lax)
      .map(({ id, version, bytes }) => ({ id, version: version as SmpVersion, bytes: bytesOf(bytes) }))
  })
}

const formats = {
  command: { format: commandFormat, table: commands, endless: ['SEND', 'PFWD', 'RFWD', 'RSLV'] },
  message: { format: messageFormat, table: messages, endless: ['MSG', 'PRES', 'RRES', 'ERR', 'RNAME'] },
} as const

describe.each(['command', 'message'] as const)('every %s', (kind) => {
  const { format, table, endless } = formats[kind]
  const samples = recorded(kind)
  const read = (version: SmpVersion, bytes: Uint8Array) => format(version).read(bytes)

  test('of the table is recorded in the vectors', () => {
    const seen = new Set(samples.map(({ version, bytes }) => read(version, bytes).tag))
    expect([...seen].sort()).toEqual(Object.keys(table).sort())
  })

  test('has no proper prefix that is one, unless its last field has no length', () => {
    for (const { version, bytes } of samples) {
      const { tag } = read(version, bytes)
      if ((endless as readonly string[]).includes(tag)) continue
      for (let length = 0; length < bytes.length; length += bytes.length > 600 ? 37 : 1) {
        // A tag may begin with another tag (SUBS with SUB): a prefix must not be the same command.
        const prefix = bytes.subarray(0, length)
        const other = (() => {
          try {
            return read(version, prefix).tag
          } catch (error) {
            expect(error).toBeInstanceOf(ParseError)
          }
        })()
        expect(other).not.toBe(tag)
      }
    }
  })

  test('survives a changed byte with a value or a ParseError, and what it reads it can write', () => {
    const sample = fc.constantFrom(...samples)
    fc.assert(
      fc.property(sample, fc.nat(), fc.nat(255), ({ version, bytes }, at, value) => {
        const mutated = bytes.slice()
        mutated[at % mutated.length] = value
        try {
          const writer = new Writer()
          format(version).write(writer, read(version, mutated) as never)
        } catch (error) {
          expect(error).toBeInstanceOf(ParseError)
        }
      }),
      { numRuns: 3000 },
    )
  })

  test('is one format for each version', () => {
    for (const version of versions) expect(format(version)).toBe(format(version))
  })
})

test('random bytes are no command and no message', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...versions), (bytes, version) => {
      for (const format of [commandFormat(version), messageFormat(version)]) {
        try {
          format.read(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(ParseError)
        }
      }
    }),
  )
})

test('parameters behind a tag that has none, or none behind one that needs them, are a syntax error', () => {
  const text = (t: string) => new TextEncoder().encode(t)
  expect(() => commandFormat(smpVersions.max).read(text('SUB '))).toThrow(expect.objectContaining({ code: 'SYNTAX' }))
  expect(() => commandFormat(smpVersions.max).read(text('ACK'))).toThrow(expect.objectContaining({ code: 'SYNTAX' }))
  expect(() => commandFormat(smpVersions.max).read(text('OK'))).toThrow(expect.objectContaining({ code: 'UNKNOWN' }))
})

test('SUBS, NSUBS, SOKS and ENDS are not written without the fields of their version', () => {
  const write = (version: number) => commandFormat(version as SmpVersion).write(new Writer(), { tag: 'SUBS' })
  expect(() => write(18)).not.toThrow()
  expect(() => write(19)).toThrow(EncodeError)
  const ends = { tag: 'ENDS', count: 3n } as const
  expect(() => messageFormat(18 as SmpVersion).write(new Writer(), ends)).not.toThrow()
  expect(() => messageFormat(19 as SmpVersion).write(new Writer(), ends)).toThrow(EncodeError)
})
