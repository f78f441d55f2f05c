import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DecodeError, EncodeError, fromBase64url, toBase64url } from '@smpkit/encoding'
import { afterAll, describe, expect, it } from 'vitest'
import { binaryOperations, operation, partialOperation, textOperations, type VectorCase } from './case.js'
import { describe as describeDifference, describeFully, firstDifference } from './compare.js'
import { findFiles, type Registry, runFile } from './runner.js'

const folder = mkdtempSync(path.join(tmpdir(), 'vector runner '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const registry: Registry = {
  suites: {
    made: {
      ops: {
        ...binaryOperations(() => ({
          encode: (json) => Uint8Array.of(Number(json)),
          decode(bytes) {
            if (bytes.length !== 1) throw new DecodeError('truncated', 'expected one byte', 0)
            return bytes[0]
          },
        })),
        ...textOperations(() => ({
          encode: (json) => toBase64url(Uint8Array.of(Number(json))),
          decode: fromBase64url,
        })),
        double: operation((input) => ({ doubled: 2 * input.number('n') })),
        some: partialOperation(() => ({ a: 1, list: [{ b: 2, c: 3 }], unnamed: 4 })),
        large: operation(() => {
          throw new EncodeError('LARGE', 'expected less')
        }),
        engine: operation(() => new Uint8Array(-1)),
        unfinished: operation(() => ({})),
      },
      errorName: ({ code }) => code.toUpperCase(),
      isBelowV14: ({ version }) => version !== undefined && version < 14,
    },
  },
  pending: new Set(['later', 'made/unfinished']),
}

let files = 0
function write(content: unknown): string {
  const file = path.join(folder, `${files++}.json`)
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

function runCases(cases: object[], suite = 'made') {
  const file = write({ schema: 'smpkit-vectors/1', suite, cases })
  const { failures, passed, lax, quirk, pending, belowV14 } = runFile(file, registry) ?? expect.fail('not run')
  return { failures, counts: { passed, lax, quirk, pending, belowV14 } }
}

const runOne = (vector: Partial<VectorCase>) => runCases([{ id: 'one', ...vector }])
const none = { passed: 0, lax: 0, quirk: 0, pending: 0, belowV14: 0 }

describe('a case passes', () => {
  it.each<Partial<VectorCase>>([
    { op: 'roundtrip', value: 5, bytes: '05' },
    { op: 'encode', value: 5, bytes: '05' },
    { op: 'decode', value: 5, bytes: '05' },
    { op: 'text-decode', value: '05', text: 'BQ==' },
    { op: 'decode', bytes: '0505', error: 'any' },
    { op: 'decode', bytes: '0505', error: 'TRUNCATED' },
    { op: 'large', error: 'LARGE' },
    { op: 'double', in: { n: 4 }, out: { doubled: 8 } },
    { op: 'double', in: { n: 4 }, out: { doubled: 8, missing: null } },
    { op: 'some', out: { a: 1, list: [{ b: 2 }] } },
  ])('%j', (vector) => {
    expect(runOne(vector)).toEqual({ failures: [], counts: { ...none, passed: 1 } })
  })
})

describe('a case fails', () => {
  it.each<[Partial<VectorCase>, unknown]>([
    [
      { op: 'encode', value: 5, bytes: '06' },
      { path: 'bytes', expected: '06', actual: '05' },
    ],
    [
      { op: 'decode', value: 6, bytes: '05' },
      { path: 'value', expected: 6, actual: 5 },
    ],
    [{ op: 'roundtrip', value: 5, bytes: '06' }, expect.anything()],
    [{ op: 'decode', bytes: '05', error: 'any' }, expect.objectContaining({ path: 'error', expected: 'any' })],
    [
      { op: 'decode', bytes: '0505', error: 'OTHER' },
      { path: 'error', expected: 'OTHER', actual: 'TRUNCATED' },
    ],
    [{ op: 'decode', bytes: '0505', value: 5 }, expect.stringContaining('expected no error')],
    [
      { op: 'double', in: { n: 4 }, out: {} },
      { path: 'doubled', expected: null, actual: 8 },
    ],
    [
      { op: 'some', out: { list: [{ b: 3 }] } },
      { path: 'list[0].b', expected: 3, actual: 2 },
    ],
    [{ op: 'nothing' }, 'unknown op nothing'],
    [{ op: 'toString' }, 'unknown op toString'],
  ])('%j', (vector, why) => {
    const { failures, counts } = runOne(vector)
    expect(failures).toEqual([{ id: 'one', why }])
    expect(counts).toEqual(none)
  })

  it('with an error of the engine, whatever was expected', () => {
    for (const expected of [{ error: 'any' }, { lax: true }, { quirk: true }]) {
      expect(runOne({ op: 'engine', ...expected }).failures).toEqual([
        { id: 'one', why: expect.stringContaining('expected a typed error, got RangeError') },
      ])
    }
  })

  it('with inputs of the wrong kind', () => {
    const wrong = [{ id: 'one', why: expect.stringMatching(/^the vector is wrong: expected .*$/) }]
    expect(runOne({ op: 'double', in: { n: '4' }, error: 'any' }).failures).toEqual(wrong)
    expect(runOne({ op: 'decode', bytes: 'XY', error: 'any' }).failures).toEqual(wrong)
  })
})

describe('odd cases are counted apart', () => {
  it('lax passes with the recorded result or a typed error, with nothing else', () => {
    const lax = { ...none, passed: 1, lax: 1 }
    expect(runOne({ op: 'decode', bytes: '05', value: 5, lax: true }).counts).toEqual(lax)
    expect(runOne({ op: 'decode', bytes: '0505', value: 5, lax: true }).counts).toEqual(lax)
    expect(runOne({ op: 'decode', bytes: '06', value: 5, lax: true }).failures).toHaveLength(1)
  })

  it('quirk passes with any value and any typed error', () => {
    const quirk = { ...none, passed: 1, quirk: 1 }
    expect(runOne({ op: 'decode', bytes: '06', value: 5, quirk: true }).counts).toEqual(quirk)
    expect(runOne({ op: 'decode', bytes: '0505', value: 5, quirk: true }).counts).toEqual(quirk)
  })

  it('a case below version 14 is not run', () => {
    const wrong = { op: 'encode', value: 5, bytes: '06' }
    expect(runOne({ ...wrong, version: 13 })).toEqual({ failures: [], counts: { ...none, belowV14: 1 } })
    expect(runOne({ ...wrong, version: 14 }).failures).toHaveLength(1)
    expect(runOne({ op: 'nothing', version: 13 }).failures).toHaveLength(1)
  })

  it('a pending suite or operation is not run', () => {
    expect(runCases([{ id: 'a', op: 'x' }], 'later').counts).toEqual({ ...none, pending: 1 })
    expect(runOne({ op: 'unfinished' }).counts).toEqual({ ...none, pending: 1 })
  })
})

describe('a file fails', () => {
  it.each([
    ['that is no JSON', '{'],
    ['of another schema', { schema: 'smpkit-vectors/2', suite: 'made', cases: [] }],
    ['without a suite', { schema: 'smpkit-vectors/1', cases: [] }],
  ])('%s', (_, content) => {
    expect(runFile(write(content), registry)?.failures).toHaveLength(1)
  })

  it('of an unknown suite, once for each case', () => {
    const { failures } = runCases([{ id: 'a', op: 'encode' }], 'other')
    expect(failures).toEqual([{ id: 'a', why: 'unknown suite' }])
  })

  it.each([[null], [5], [{}], [{ id: 1, op: 'encode' }]])('with %j as a case, and runs the others', (wrong) => {
    const { failures, counts } = runCases([wrong as object, { id: 'a', op: 'encode', value: 5, bytes: '05' }])
    expect(failures).toEqual([{ id: undefined, why: 'expected a case with an id at index 0' }])
    expect(counts.passed).toBe(1)
  })

  it('with the same id twice', () => {
    const twice = { id: 'a', op: 'encode', value: 5, bytes: '05' }
    const { failures, counts } = runCases([twice, twice])
    expect(failures).toHaveLength(1)
    expect(counts.passed).toBe(2)
  })
})

it('runs only the suites asked for', () => {
  const file = write({ schema: 'smpkit-vectors/1', suite: 'made', cases: [] })
  expect(runFile(file, registry, ['other'])).toBeUndefined()
  expect(runFile(file, registry, ['other', 'made'])).toBeDefined()
})

it('finds JSON files in folders and their folders, by name', () => {
  const place = path.join(folder, 'found')
  mkdirSync(path.join(place, 'b'), { recursive: true })
  for (const name of ['c.json', 'b/a.json', 'README.md']) writeFileSync(path.join(place, name), '')
  expect(findFiles(place)).toEqual([path.join(place, 'b', 'a.json'), path.join(place, 'c.json')])
  expect(findFiles(path.join(place, 'README.md'))).toEqual([path.join(place, 'README.md')])
  expect(() => findFiles(path.join(place, 'missing'))).toThrow('found nothing at')
})

describe('a difference', () => {
  it('is found at any depth, in lengths of lists and in missing fields', () => {
    expect(firstDifference({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toBeUndefined()
    expect(firstDifference({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })?.path).toBe('a[1].b')
    expect(firstDifference([1], [1, null])?.path).toBe('')
    expect(firstDifference({}, { a: 1 })?.path).toBe('a')
    expect(firstDifference({ a: null }, {})).toBeUndefined()
    expect(firstDifference(1, '1')).toBeDefined()
  })

  it('is shortened in one line', () => {
    const text = describeDifference({ path: 'bytes', expected: 'ab'.repeat(500), actual: null })
    expect(text).toMatch(/^bytes: expected "abab.*… \(\d+ characters\), got null$/)
    expect(text.length).toBeLessThan(200)
  })

  it('of bytes is marked under the first byte that differs', () => {
    const expected = '00'.repeat(30)
    const actual = `${'00'.repeat(26)}ff000000`
    const lines = describeFully({ path: 'bytes', expected, actual }).split('\n')
    const marker = lines.findIndex((line) => line.includes('^^'))
    expect(lines[0]).toBe('bytes: 30 bytes expected, 30 bytes got, different from byte 26')
    expect(lines[marker - 1]?.slice(lines[marker]?.indexOf('^^')).slice(0, 2)).toBe('ff')
    expect(lines[marker - 2]).toMatch(/^ {2}expected {5}24 {2}00 00 00/)
  })
})
