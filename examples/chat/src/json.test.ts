import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChatError } from './errors.js'
import { parseJson } from './json.js'

const utf8 = (text: string) => new TextEncoder().encode(text)
const nested = (levels: number) => utf8('['.repeat(levels) + ']'.repeat(levels))

describe('JSON of a stranger', () => {
  test('is what JSON.parse reads, up to 32 levels', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        expect(parseJson(utf8(text))).toEqual(JSON.parse(text))
      }),
    )
    expect(JSON.stringify(parseJson(nested(32)))).toHaveLength(64)
  })

  test('is refused when nested more deeply, closed or not', () => {
    expect(() => parseJson(nested(33))).toThrow(expect.objectContaining({ code: 'DEPTH' }))
    expect(() => parseJson(utf8('{"a":'.repeat(10_000)))).toThrow(expect.objectContaining({ code: 'DEPTH' }))
  })

  test('may have any number of brackets in strings, and side by side', () => {
    const text = `["${'['.repeat(100)}\\"${'{'.repeat(100)}\\\\",${Array(100).fill('{}').join(',')}]`
    expect(parseJson(utf8(text))).toHaveLength(101)
  })

  test.each([
    ['nothing', ''],
    ['cut', '{"secret":'],
    ['followed by more', '{"secret":1}{'],
    ['with a comma too many', '["secret",]'],
  ])('is refused when it is %s, without being quoted', (_, text) => {
    const refusal = (() => {
      try {
        return parseJson(utf8(text))
      } catch (error) {
        return error
      }
    })()
    expect(refusal).toMatchObject({ name: 'ChatError', code: 'JSON', temporary: false })
    expect(`${(refusal as Error).message} ${(refusal as Error).cause}`).not.toContain('secret')
  })

  test('is refused when it is not UTF-8 or begins with a byte order mark', () => {
    expect(() => parseJson(Uint8Array.of(0x22, 0xc0, 0xaf, 0x22))).toThrow(expect.objectContaining({ code: 'JSON' }))
    expect(() => parseJson(Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d))).toThrow(
      expect.objectContaining({ code: 'JSON' }),
    )
  })

  test('is a value or a ChatError for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          parseJson(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(ChatError)
        }
      }),
    )
  })
})
