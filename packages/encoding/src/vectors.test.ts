// Spec 01 §1, §2, §6, §7: test-vectors/smp/encoding.json.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  bool,
  type Codec,
  DecodeError,
  decode,
  encode,
  fromBase64url,
  int64,
  largeBytes,
  list,
  mapped,
  nonce,
  nonceFromBytes,
  nonceFromText,
  optional,
  pad,
  record,
  reverseNonce,
  seconds,
  shortBytes,
  text,
  toBase64url,
  toHex,
  unpad,
  versionRange,
  versionRangeFromText,
  versionRangeToText,
  word16,
  word32,
} from './index.js'

interface Case {
  id: string
  op: string
  type?: string
  value?: unknown
  bytes?: string
  text?: string
  error?: string
  in?: Record<string, string | number>
  out?: Record<string, string | number>
}

const file = new URL('../../../test-vectors/smp/encoding.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }

const bytesOf = (hex: unknown): Uint8Array => new Uint8Array(Buffer.from(String(hex), 'hex'))
const asHex = (codec: Codec<Uint8Array>): Codec<string> => mapped(codec, toHex, bytesOf)

const codecs: Record<string, Codec<never>> = {
  bool,
  word16,
  word32,
  int64: mapped(
    int64,
    (v) => (Number.isSafeInteger(Number(v)) ? Number(v) : v.toString()),
    (v: number | string) => BigInt(v),
  ),
  time: seconds,
  bytes: asHex(shortBytes),
  largeBytes: asHex(largeBytes),
  text,
  optBytes: optional(asHex(shortBytes)),
  optBool: optional(bool),
  optWord16: optional(word16),
  nonEmptyBytes: list(asHex(shortBytes), 1),
  nonEmptyLarge: list(asHex(largeBytes), 1),
  versionRange,
  version: word16,
  nonce: asHex(nonce),
  tupleBytesWord16Bool: mapped(
    record<{ a: string; b: number; c: boolean }>({ a: asHex(shortBytes), b: word16, c: bool }),
    ({ a, b, c }) => [a, b, c] as const,
    ([a, b, c]) => ({ a, b, c }),
  ),
} as unknown as Record<string, Codec<never>>

const toText: Record<string, (value: never) => string> = {
  base64url: (v) => toBase64url(bytesOf(v)),
  versionRange: versionRangeToText,
}
const fromText: Record<string, (text: string) => unknown> = {
  base64url: (v) => toHex(fromBase64url(v)),
  versionRange: versionRangeFromText,
  nonce: (v) => toHex(nonceFromText(v)),
}

function filled(input: Record<string, string | number>): Uint8Array {
  return new Uint8Array(Number(input.messageLength)).fill(Number.parseInt(String(input.fill), 16))
}

const operations: Record<string, (input: Record<string, string | number>) => Record<string, string | number>> = {
  'nonce-from-bytes': (v) => ({ nonce: toHex(nonceFromBytes(bytesOf(v.bytes))) }),
  'nonce-reverse': (v) => ({ nonce: toHex(reverseNonce(bytesOf(v.nonce))) }),
  pad: (v) => ({ padded: toHex(pad(bytesOf(v.message), Number(v.paddedLength))) }),
  'pad-large': (v) => {
    const padded = pad(filled(v), Number(v.paddedLength))
    return { length: padded.length, sha256: createHash('sha256').update(padded).digest('hex') }
  },
  unpad: (v) => ({ message: toHex(unpad(bytesOf(v.padded))) }),
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return error instanceof DecodeError ? 'INVALID' : (error as { code: string }).code
  }
  return 'no error'
}

describe('smp/encoding.json', () => {
  test.each(cases.map((c) => [c.id, c] as const))('%s', (_, c) => {
    const value = c.value as never
    if (c.op.startsWith('text-')) {
      if (c.error) return expect(codeOf(() => fromText[c.type as string]?.(c.text as string))).toBe('INVALID')
      expect(fromText[c.type as string]?.(c.text as string)).toEqual(value)
      if (c.op === 'text-roundtrip') expect(toText[c.type as string]?.(value)).toBe(c.text)
      return
    }
    if (c.in) {
      const run = () => operations[c.op]?.(c.in as Record<string, string | number>)
      if (c.error) expect(codeOf(run)).toBe(c.error)
      else expect(run()).toEqual(c.out)
      return
    }
    const codec = codecs[c.type as string] as Codec<never>
    const bytes = bytesOf(c.bytes)
    if (c.error) return expect(codeOf(() => decode(codec, bytes))).toBe('INVALID')
    if (c.op !== 'decode') expect(toHex(encode(codec, value))).toBe(c.bytes)
    if (c.op !== 'encode') expect(decode(codec, bytes)).toEqual(value)
  })
})
