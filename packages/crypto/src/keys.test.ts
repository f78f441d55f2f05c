import { inspect } from 'node:util'
import { DecodeError, decode, encode, Reader } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { algorithms, type KeyAlgorithm } from './algorithms.js'
import { KeyError } from './errors.js'
import { handleLimit } from './handles.js'
import { authKey, dhKey, privateAuthKey, publicKey } from './key-codecs.js'
import { handleOf, isAuthKey, isPrivateAuthKey, PrivateKey, PublicKey } from './keys.js'
import { dh, sign, verify } from './signatures.js'
import { fromHex, toHex } from './testing/vectors.js'

const all = Object.keys(algorithms) as KeyAlgorithm[]

describe.each(all)('%s keys', (algorithm) => {
  const { keyLength, spkiPrefix, pkcs8Prefix } = algorithms[algorithm]
  const privateKey = PrivateKey.fromRaw(algorithm, new Uint8Array(keyLength).fill(0x5a))

  it('come back from raw and DER forms', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: keyLength, maxLength: keyLength }), (raw) => {
        for (const key of [
          PublicKey.fromRaw(algorithm, raw),
          PublicKey.fromDer(PublicKey.fromRaw(algorithm, raw).toDer()),
        ]) {
          expect(key.algorithm).toBe(algorithm)
          expect(key.toRaw()).toStrictEqual(raw)
        }
        expect(PrivateKey.fromDer(PrivateKey.fromRaw(algorithm, raw).toDer()).toRaw()).toStrictEqual(raw)
      }),
    )
  })

  it('have no DER that is a proper prefix or has a byte more', () => {
    const forms: [Uint8Array, (der: Uint8Array) => unknown][] = [
      [privateKey.publicKey.toDer(), PublicKey.fromDer],
      [privateKey.toDer(), PrivateKey.fromDer],
    ]
    for (const [der, parse] of forms) {
      for (let length = 0; length < der.length; length++) expect(() => parse(der.subarray(0, length))).toThrow(KeyError)
      expect(() => parse(Uint8Array.of(...der, 0))).toThrow(KeyError)
    }
  })

  it('do not parse with any other byte in their prefix, unless that is another algorithm', () => {
    const forms: [Uint8Array, Uint8Array, (der: Uint8Array) => PublicKey | PrivateKey][] = [
      [privateKey.publicKey.toDer(), spkiPrefix, PublicKey.fromDer],
      [privateKey.toDer(), pkcs8Prefix, PrivateKey.fromDer],
    ]
    for (const [der, prefix, parse] of forms) {
      for (let i = 0; i < prefix.length; i++) {
        for (let byte = 0; byte < 256; byte++) {
          if (byte === prefix[i]) continue
          const changed = der.slice()
          changed[i] = byte
          try {
            expect(parse(changed).algorithm).not.toBe(algorithm)
          } catch (error) {
            expect(error).toMatchObject({ name: 'KeyError', code: 'KEY', temporary: false })
          }
        }
      }
    }
  })

  it('refuse a raw key of another length, and say both', () => {
    for (const length of [0, keyLength - 1, keyLength + 1]) {
      const message = `expected a raw ${algorithm} key of ${keyLength} bytes, got ${length}`
      expect(() => PublicKey.fromRaw(algorithm, new Uint8Array(length))).toThrow(message)
      expect(() => PrivateKey.fromRaw(algorithm, new Uint8Array(length))).toThrow(message)
    }
  })

  it('do not share memory with what they were made of or give out', () => {
    const raw = Buffer.alloc(keyLength, 0x11)
    const key = PublicKey.fromRaw(algorithm, raw)
    const before = toHex(key.toRaw())
    raw.fill(0)
    key.toRaw().fill(0)
    key.toDer().fill(0)
    expect(toHex(key.toRaw())).toBe(before)
  })

  it('do not print their bytes', () => {
    makeHandles(privateKey)
    for (const key of [privateKey, privateKey.publicKey]) {
      const raw = key.toRaw()
      const name = key instanceof PublicKey ? 'PublicKey' : 'PrivateKey'
      expect(inspect(key)).toBe(`${name}(${algorithm})`)
      expect(JSON.stringify({ key })).toBe(`{"key":"${name}(${algorithm})"}`)
      expect(`${key}`).toBe(`${name}(${algorithm})`)
      const options = { showHidden: true, depth: 20, getters: true }
      const shown = [inspect(key, options), inspect({ key }, { ...options, customInspect: false }), JSON.stringify(key)]
      for (const text of [...shown, JSON.stringify(Object.entries(key))]) {
        expect(text).not.toContain(toHex(raw))
        expect(text).not.toContain([...raw.subarray(0, 4)].join(', '))
        expect(text).not.toContain(Buffer.from(raw).toString('base64').slice(0, 8))
      }
    }
  })

  it('are equal by algorithm and bytes', () => {
    expect(PublicKey.fromDer(privateKey.publicKey.toDer()).equals(privateKey.publicKey)).toBe(true)
    expect(PrivateKey.generate(algorithm).publicKey.equals(privateKey.publicKey)).toBe(false)
  })
})

/** Makes the native handle, so that printing is tested with it in place. */
function makeHandles(key: PrivateKey): void {
  handleOf(key)
  handleOf(key.publicKey)
}

it('Ed25519 and X25519 keys of the same bytes are not equal', () => {
  const raw = new Uint8Array(32)
  expect(PublicKey.fromRaw('ed25519', raw).equals(PublicKey.fromRaw('x25519', raw))).toBe(false)
})

describe('worked examples (05 §1)', () => {
  it.each([
    ['x25519', 0xb1, '302a300506032b656e032100d3337e4d4ee503a66976feb1fadf5bd21ba96fc2b1571b3e980d87cf49797510'],
    ['ed25519', 0xa1, '302a300506032b6570032100bc7cbcb5636375fa1d82434d466724d92377f53b980695dd49d26d0ce12205a5'],
    [
      'ed448',
      0xa4,
      '3043300506032b6571033a0026ddcaa386b18ec2456f18c77f1717c4d4ea1e80b504460614c0b3ed381e2bb23a15ad3097bf7c980a9e16c1dcc904b17b6befc9abd60c5f80',
    ],
    [
      'x448',
      0xb8,
      '3042300506032b656f0339001a124d13283ea869b52123d8c4bcdbaea91f43246fa55e91091bf7b6a8ca25f9e16efc7d8e21c53620b76449dd1f513983107df9768ccdd6',
    ],
  ] as const)('%s', (algorithm, fill, der) => {
    const raw = new Uint8Array(algorithms[algorithm].keyLength).fill(fill)
    expect(toHex(PrivateKey.fromRaw(algorithm, raw).publicKey.toDer())).toBe(der)
  })
})

describe('key fields', () => {
  const fields = [
    ['authKey', authKey, ['ed25519', 'ed448', 'x25519']],
    ['dhKey', dhKey, ['x25519']],
    ['publicKey', publicKey, all],
    ['privateAuthKey', privateAuthKey, ['ed25519', 'ed448', 'x25519']],
  ] as const

  it.each(fields)('%s takes its algorithms and no other, with the position of the field', (name, codec, allowed) => {
    for (const algorithm of all) {
      const key = PrivateKey.generate(algorithm)
      const der = name === 'privateAuthKey' ? key.toDer() : key.publicKey.toDer()
      const bytes = Uint8Array.of(9, der.length, ...der)
      const reader = new Reader(bytes)
      reader.byte()
      if ((allowed as readonly KeyAlgorithm[]).includes(algorithm)) {
        const value = codec.read(reader)
        expect(value.algorithm).toBe(algorithm)
        expect(encode(codec as typeof publicKey, value as PublicKey)).toStrictEqual(bytes.slice(1))
      } else {
        expect(() => codec.read(reader)).toThrow(expect.objectContaining({ code: 'invalid', position: 1 }))
      }
    }
  })

  it.each(fields)('%s decodes no proper prefix and no random bytes', (name, codec) => {
    const key = PrivateKey.generate('x25519')
    const der = name === 'privateAuthKey' ? key.toDer() : key.publicKey.toDer()
    const bytes = Uint8Array.of(der.length, ...der)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decode<unknown>(codec, bytes.subarray(0, length))).toThrow(DecodeError)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (random) => {
        expect(() => decode<unknown>(codec, random)).toThrow(DecodeError)
      }),
    )
  })

  it('do not keep the block that they were read from', () => {
    const bytes = encode(publicKey, PrivateKey.generate('ed25519').publicKey)
    const key = decode(publicKey, bytes)
    const before = toHex(key.toRaw())
    bytes.fill(0)
    expect(toHex(key.toRaw())).toBe(before)
  })

  it('tell auth keys from others', () => {
    for (const algorithm of all) {
      const key = PrivateKey.generate(algorithm)
      expect([isAuthKey(key.publicKey), isPrivateAuthKey(key)]).toEqual([algorithm !== 'x448', algorithm !== 'x448'])
    }
  })
})

describe('signatures', () => {
  it.each([0, 1, 63, 65, 80, 113, 115])('of %i bytes are an error, not merely invalid', (length) => {
    const key = PrivateKey.generate('ed25519').publicKey
    const expected = { name: 'CryptoError', code: 'SIGNATURE_LENGTH' }
    expect(() => verify(key, new Uint8Array(3), new Uint8Array(length))).toThrow(expect.objectContaining(expected))
  })

  it('of the other algorithm are invalid', () => {
    const message = new Uint8Array(3)
    const [a, b] = [PrivateKey.generate('ed25519'), PrivateKey.generate('ed448')]
    expect(verify(a.publicKey, message, sign(b, message))).toBe(false)
    expect(verify(b.publicKey, message, sign(a, message))).toBe(false)
    expect(verify(b.publicKey, message, sign(b, message))).toBe(true)
  })
})

describe('shared secrets', () => {
  it('are not made with points of low order', () => {
    // RFC 7748 §6.1: zero, one, and a point of order 8.
    const points = ['00', '01', 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800']
    for (const point of points) {
      const key = PublicKey.fromRaw('x25519', fromHex(point.padEnd(64, '0')))
      expect(() => dh(PrivateKey.generate('x25519'), key)).toThrow(KeyError)
    }
  })

  it('are not made with keys of two algorithms', () => {
    const [a, b] = [PrivateKey.generate('x25519') as PrivateKey<'x25519' | 'x448'>, PrivateKey.generate('x448')]
    expect(() => dh(a, b.publicKey)).toThrow('expected a public x25519 key, got x448')
  })
})

it('a key that lost its handle to others makes it anew', () => {
  const key = PrivateKey.generate('ed25519')
  const message = new Uint8Array(10)
  const signature = sign(key, message)
  const handle = handleOf(key)
  expect(handleOf(key)).toBe(handle)
  const raw = new Uint8Array(32)
  const others = Array.from({ length: handleLimit }, () => {
    const other = PublicKey.fromRaw('ed25519', raw)
    handleOf(other)
    return other
  })
  expect(others.length).toBe(handleLimit)
  expect(handleOf(key)).not.toBe(handle)
  expect(sign(key, message)).toStrictEqual(signature)
})
