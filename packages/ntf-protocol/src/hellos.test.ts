import { PrivateKey, randomBytes, signKey } from '@smpkit/crypto'
import { type Codec, DecodeError, encode, Reader, toHex } from '@smpkit/encoding'
import { ParseError } from '@smpkit/smp-commands'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type NtfServerHello, ntfClientHello, ntfServerHello } from './hellos.js'
import { bytesOf, plain, vectors } from './testing/vectors.js'

/** In the vectors a version range is two numbers. */
function neutral(value: unknown): unknown {
  const { versionRange, ...rest } = value as Partial<NtfServerHello>
  return {
    ...(versionRange ? { minVersion: versionRange.min, maxVersion: versionRange.max } : {}),
    ...(plain(rest) as object),
  }
}

interface ServerHelloJson {
  minVersion: number
  maxVersion: number
  sessionId: string
  signedKey: string | null
}

const codecs: Record<string, Codec<unknown>> = {
  serverHello: ntfServerHello as Codec<unknown>,
  clientHello: ntfClientHello as Codec<unknown>,
}
const read = (type: string | undefined, bytes: Uint8Array) => codecs[type ?? '']?.read(new Reader(bytes))
const recorded = vectors('ntf-handshake', 'roundtrip', 'decode')

test.each(recorded)('vector %s', (_, { op, type, bytes, value, error }) => {
  if (error) return expect(() => read(type, bytesOf(bytes))).toThrow(DecodeError)
  const hello = read(type, bytesOf(bytes))
  expect(neutral(hello)).toEqual(value)
  if (op === 'roundtrip') expect(toHex(encode(codecs[type ?? ''] as Codec<unknown>, hello))).toBe(bytes)
})

test.each(vectors('ntf-handshake', 'encode'))('vector %s', (_, { value, bytes }) => {
  const { minVersion, maxVersion, sessionId, signedKey } = value as ServerHelloJson
  const hello: NtfServerHello = {
    versionRange: { min: minVersion, max: maxVersion },
    sessionId: bytesOf(sessionId),
    signedKey: signedKey === null ? null : bytesOf(signedKey),
  }
  expect(toHex(encode(ntfServerHello, hello))).toBe(bytes)
})

describe.each(Object.keys(codecs))('a %s', (name) => {
  const samples = recorded
    .filter(([, { type, error }]) => type === name && !error)
    .map(([, { bytes }]) => bytesOf(bytes))
  const exact = recorded.filter(([, { type, op }]) => type === name && op === 'roundtrip')

  test('has no proper prefix that is one', () => {
    for (const [, { bytes }] of exact) {
      for (let length = 0; length < bytes.length / 2; length++) {
        expect(() => read(name, bytesOf(bytes).subarray(0, length))).toThrow(DecodeError)
      }
    }
  })

  test('reads as it was with anything behind it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.uint8Array({ maxLength: 100 }), (sample, more) => {
        expect(read(name, Uint8Array.of(...sample, ...more))).toEqual(read(name, sample))
      }),
    )
  })

  test('random and mutated bytes give a DecodeError or a value', () => {
    const mutated = fc
      .tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
      .map(([sample, changes, length]) => {
        const bytes = sample.slice(0, 1 + (length % sample.length))
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 510 })), (bytes) => {
        try {
          read(name, bytes)
        } catch (error) {
          expect(error).not.toBeInstanceOf(ParseError)
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

test('a server hello reads back as it was written', () => {
  const signer = PrivateKey.generate('ed25519')
  const signedKey = signKey(signer, PrivateKey.generate('x25519').publicKey)
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(0xffff), fc.uint8Array({ maxLength: 255 }), (a, b, sessionId) => {
      const versionRange = { min: Math.min(a, b), max: Math.max(a, b) }
      const hello = { versionRange, sessionId, signedKey: versionRange.max >= 2 ? signedKey : null }
      expect(ntfServerHello.read(new Reader(encode(ntfServerHello, hello)))).toEqual(hello)
    }),
  )
})

test('hellos have the sizes of the protocol: 161 or 212 bytes with a key, 35 of a client', () => {
  const key = PrivateKey.generate('x25519').publicKey
  const size = (algorithm: 'ed25519' | 'ed448') =>
    encode(ntfServerHello, {
      versionRange: { min: 1, max: 3 },
      sessionId: randomBytes(32),
      signedKey: signKey(PrivateKey.generate(algorithm), key),
    }).length
  expect([size('ed25519'), size('ed448')]).toEqual([161, 212])
  expect(encode(ntfClientHello, { version: 3, keyHash: randomBytes(32) }).length).toBe(35)
})
