import { DecodeError, decode, encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cmd, type ErrorType, errorType, errorTypeCode, errorTypeFromText, errorTypeToText } from './error-type.js'

const simple = fc.constantFrom(
  ...([
    'BLOCK',
    'SESSION',
    'AUTH',
    'SERVICE',
    'CRYPTO',
    'QUOTA',
    'EXPIRED',
    'NO_MSG',
    'LARGE_MSG',
    'INTERNAL',
  ] as const),
)
const latin1 = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((c) => String.fromCharCode(c)),
  maxLength: 255,
})
const anyError = fc.letrec<{ error: ErrorType }>((tie) => ({
  error: fc.oneof(
    { depthSize: 'small' },
    simple.map((code): ErrorType => ({ code })),
    fc.constantFrom(cmd('SYNTAX'), cmd('PROHIBITED'), cmd('NO_ENTITY')),
    fc.string().map((text): ErrorType => ({ code: 'STORE', text })),
    fc
      .record(
        { reason: fc.constantFrom('spam' as const, 'content' as const), ttl: fc.option(fc.nat()) },
        { noNullPrototype: true },
      )
      .map(({ reason, ttl }): ErrorType => ({ code: 'BLOCKED', reason, notice: { ttl } })),
    fc
      .record(
        { code: fc.constantFrom('RESPONSE' as const, 'UNEXPECTED' as const), text: latin1 },
        { noNullPrototype: true },
      )
      .map((inner): ErrorType => ({ code: 'PROXY', inner: { code: 'BROKER', inner } })),
    tie('error').map((inner): ErrorType => ({ code: 'PROXY', inner: { code: 'PROTOCOL', inner } })),
  ),
})).error

test('every error reads back as it was written, in both forms', () => {
  fc.assert(
    fc.property(anyError, (error) => {
      expect(decode(errorType, encode(errorType, error))).toEqual(error)
      expect(errorTypeFromText(errorTypeToText(error))).toEqual(error)
    }),
  )
})

test('the text form writes diagnostics to the end, without a length', () => {
  const error: ErrorType = { code: 'PROXY', inner: { code: 'BROKER', inner: { code: 'RESPONSE', text: 'déjà vu' } } }
  expect(errorTypeToText(error)).toBe('PROXY BROKER RESPONSE déjà vu')
  const network: ErrorType = {
    code: 'PROXY',
    inner: { code: 'BROKER', inner: { code: 'NETWORK', inner: { code: 'CONNECT', text: 'refused' } } },
  }
  expect(errorTypeToText(network)).toBe('PROXY BROKER NETWORK CONNECT refused')
  expect(errorTypeFromText('PROXY BROKER NETWORK CONNECT refused')).toEqual(network)
})

test('BLOCKED is read from text', () => {
  expect(errorTypeFromText('BLOCKED reason=spam')).toEqual({ code: 'BLOCKED', reason: 'spam', notice: null })
})

test('a diagnostic that does not fit one length byte is cut', () => {
  const error = (text: string): ErrorType => ({
    code: 'PROXY',
    inner: { code: 'BROKER', inner: { code: 'UNEXPECTED', text } },
  })
  expect(decode(errorType, encode(errorType, error('x'.repeat(300))))).toEqual(error('x'.repeat(255)))
})

test('what is shown of an error holds no text of the peer', () => {
  expect(errorTypeCode({ code: 'STORE', text: 'secret' })).toBe('STORE')
  const nested: ErrorType = { code: 'PROXY', inner: { code: 'PROTOCOL', inner: cmd('SYNTAX') } }
  expect(errorTypeCode(nested)).toBe('PROXY PROTOCOL CMD SYNTAX')
})

test('random bytes give a typed error or an error type', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.constantFrom('', 'PROXY ', 'BLOCKED reason=', 'NAME '),
      (bytes, start) => {
        try {
          decode(errorType, Uint8Array.from([...new TextEncoder().encode(start), ...bytes]))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      },
    ),
  )
})

test('errors nested without end are refused, not followed', () => {
  const deep = new TextEncoder().encode(`${'PROXY PROTOCOL '.repeat(1080)}AUTH`)
  expect(() => decode(errorType, deep)).toThrow(DecodeError)
})

/** The text of bytes by a strict decoder: what it takes at a place is as it is, any other byte is `?`. */
function lossyText(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => {
      try {
        return decoder.decode(bytes.subarray(at, at + count)).length > 0
      } catch {
        return false
      }
    })
    text += length ? decoder.decode(bytes.subarray(at, at + length)) : '?'
    at += length ?? 1
  }
  return text
}

test('each byte of a text that is not UTF-8 reads as ?', () => {
  // Bytes at the limits of lengths, surrogates and the last code point come often enough to meet each other.
  const limits = [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff]
  const anyByte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...limits))
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(anyByte, { maxLength: 12 }).map((bytes) => Uint8Array.from(bytes)),
        fc.string({ unit: 'binary' }).map((text) => new TextEncoder().encode(text)),
      ),
      (bytes) => {
        const text = lossyText(bytes)
        const store = Uint8Array.from([...new TextEncoder().encode('STORE '), ...bytes])
        expect(decode(errorType, store)).toEqual({ code: 'STORE', text })
      },
    ),
    { numRuns: 2000 },
  )
})
