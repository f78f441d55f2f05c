import { readFileSync } from 'node:fs'
import { createSntrup761 } from '@openforge-sh/liboqs'
import { sha256, sha512 } from '@smpkit/crypto'
import { concat, toHex } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decapsulate,
  encapsulate,
  generateKemKeyPair,
  kemCiphertextLength,
  kemPublicKeyLength,
  kemSecretKeyLength,
  kemSharedSecretLength,
} from './sntrup761.js'

import { decodePublic, encodeRounded, encodeSmall } from './sntrup761-encoding.js'
import { field3, fieldQ, freeze, weight } from './sntrup761-field.js'
import { multiply, type Polynomial } from './sntrup761-ring.js'
import { shortPolynomial } from './sntrup761-sampling.js'

interface Case {
  id: string
  in: { secretKey: string; ciphertext: string; publicKey?: string }
  out: { sharedSecret: string }
}

const file = new URL('../../../test-vectors/agent/kem-sntrup761.json', import.meta.url)
const { cases }: { cases: Case[] } = JSON.parse(readFileSync(file, 'utf8'))
const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

const oqs = await createSntrup761()
const rounds = Array.from({ length: 40 }, (_, i) => i)

/** The same bytes each time, so that what comes of them can be recorded. */
function repeatableRandom(seed: number): (length: number) => Uint8Array {
  let state = seed
  return (length) =>
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      return state >>> 24
    })
}

/** With one bit of byte `at` turned over. */
function changed(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
}

describe('the recorded cases', () => {
  it.each(cases)('$id', ({ in: { secretKey, ciphertext }, out: { sharedSecret } }) => {
    expect(decapsulate(fromHex(secretKey), fromHex(ciphertext))).toEqual(fromHex(sharedSecret))
  })

  it('have secret keys that hold their public keys where ours do', () => {
    const recorded = cases.filter((vector) => vector.in.publicKey !== undefined)
    expect(recorded.length).toBeGreaterThan(0)
    for (const { in: input } of recorded) expect(input.secretKey.slice(764, 764 + 2316)).toBe(input.publicKey)
    const ours = generateKemKeyPair()
    expect(ours.secretKey.slice(382, 382 + 1158)).toEqual(ours.publicKey)
  })
})

describe('with liboqs', () => {
  it.each([
    ['our keys', () => generateKemKeyPair()],
    ['its keys', () => oqs.generateKeyPair()],
  ] as const)('we open what it encapsulates to %s, and it what we do', (_, generate) => {
    for (const _ of rounds) {
      const { publicKey, secretKey } = generate()
      const its = oqs.encapsulate(publicKey)
      expect(decapsulate(secretKey, its.ciphertext)).toEqual(its.sharedSecret)
      const ours = encapsulate(publicKey)
      expect(decapsulate(secretKey, ours.ciphertext)).toEqual(ours.sharedSecret)
      expect(oqs.decapsulate(ours.ciphertext, secretKey)).toEqual(ours.sharedSecret)
    }
  })

  it('we get the same secret of what is not for the key', () => {
    const [ours, its] = [generateKemKeyPair(), oqs.generateKeyPair()]
    for (const round of rounds) {
      const { ciphertext, sharedSecret } = encapsulate(ours.publicKey)
      const refused = [
        changed(ciphertext, (round * 26) % kemCiphertextLength),
        changed(ciphertext, kemCiphertextLength - 1 - (round % 32)),
        repeatableRandom(round)(kemCiphertextLength),
        new Uint8Array(kemCiphertextLength).fill(round),
        new Uint8Array(kemCiphertextLength).fill(0xff),
      ]
      for (const other of refused) {
        const rejection = decapsulate(ours.secretKey, other)
        expect(rejection).not.toEqual(sharedSecret)
        expect(oqs.decapsulate(other, ours.secretKey)).toEqual(rejection)
      }
      expect(decapsulate(its.secretKey, ciphertext)).toEqual(oqs.decapsulate(ciphertext, its.secretKey))
    }
  })

  it('we open what is encapsulated to public keys that nobody generates', () => {
    const { secretKey } = generateKemKeyPair()
    for (const publicKey of [
      new Uint8Array(kemPublicKeyLength),
      new Uint8Array(kemPublicKeyLength).fill(0xff),
      ...rounds.map((seed) => repeatableRandom(seed)(kemPublicKeyLength)),
    ]) {
      const ours = encapsulate(publicKey)
      expect([ours.ciphertext.length, ours.sharedSecret.length]).toEqual([kemCiphertextLength, kemSharedSecretLength])
      expect(decapsulate(secretKey, ours.ciphertext)).toEqual(oqs.decapsulate(ours.ciphertext, secretKey))
    }
  })

  it('we agree on secret keys that nobody generates', () => {
    const { ciphertext } = encapsulate(generateKemKeyPair().publicKey)
    const odd = [new Uint8Array(kemSecretKeyLength), new Uint8Array(kemSecretKeyLength).fill(0xff)]
    for (const secretKey of [...odd, ...rounds.map((seed) => repeatableRandom(seed)(kemSecretKeyLength))]) {
      expect(decapsulate(secretKey, ciphertext)).toEqual(oqs.decapsulate(ciphertext, secretKey))
    }
  })
})

describe('a rejected ciphertext', () => {
  const { publicKey, secretKey } = generateKemKeyPair()
  const { ciphertext, sharedSecret } = encapsulate(publicKey)

  it('gives another secret for each change of a bit, always the same one', () => {
    fc.assert(
      fc.property(fc.nat(8 * kemCiphertextLength - 1), (bit) => {
        const other = ciphertext.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
        const rejection = decapsulate(secretKey, other)
        expect(rejection).not.toEqual(sharedSecret)
        expect(decapsulate(secretKey, other)).toEqual(rejection)
      }),
    )
  })

  it('gives a secret that depends on the random part of the secret key, which an accepted one does not', () => {
    const otherKey = changed(secretKey, 1763 - 32 - 191)
    expect(decapsulate(otherKey, ciphertext)).toEqual(sharedSecret)
    const other = changed(ciphertext, 0)
    expect(decapsulate(otherKey, other)).not.toEqual(decapsulate(secretKey, other))
  })
})

describe('a ciphertext of a chosen polynomial', () => {
  const hash = (b: number, ...parts: Uint8Array[]) => sha512(concat(Uint8Array.of(b), ...parts)).slice(0, 32)
  const { publicKey, secretKey } = generateKemKeyPair()

  function encapsulateOf(polynomial: Polynomial) {
    const product = multiply(decodePublic(publicKey), polynomial).map((value) => freeze(fieldQ, value))
    const rounded = encodeRounded(product.map((value) => value - freeze(field3, value)))
    const hashed = hash(3, encodeSmall(polynomial))
    const ciphertext = concat(rounded, hash(2, hashed, hash(4, publicKey)))
    return { ciphertext, sharedSecret: hash(1, hashed, ciphertext) }
  }

  it('is accepted with the weight 286', () => {
    const { ciphertext, sharedSecret } = encapsulateOf(shortPolynomial(repeatableRandom(286)(3044)))
    expect(decapsulate(secretKey, ciphertext)).toEqual(sharedSecret)
  })

  it.each([0, 1, weight - 1, weight + 1])('is rejected with the weight %i', (other) => {
    const { ciphertext, sharedSecret } = encapsulateOf(new Int32Array(761).fill(1, 0, other))
    const rejection = decapsulate(secretKey, ciphertext)
    expect(rejection).not.toEqual(sharedSecret)
    expect(rejection).toEqual(oqs.decapsulate(ciphertext, secretKey))
  })
})

describe('the random source', () => {
  // Recorded when the exchanges with liboqs above passed.
  it('decides keys, ciphertext and secret', () => {
    const random = repeatableRandom(761)
    const { publicKey, secretKey } = generateKemKeyPair(random)
    const { ciphertext, sharedSecret } = encapsulate(publicKey, random)
    expect(decapsulate(secretKey, ciphertext)).toEqual(sharedSecret)
    expect(toHex(sha256(concat(publicKey, secretKey, ciphertext, sharedSecret)))).toBe(
      'c5277472a09461a4bf00ebfa8fe3b6ff4f0219e6ac4c3d4107eff872eb8cc043',
    )
  })

  it('is asked for the lengths that the scheme names, and again for a polynomial without an inverse', () => {
    const asked: number[] = []
    const random = repeatableRandom(1)
    // These words make every coefficient of the first polynomial zero.
    const zero = Uint8Array.from({ length: 3044 }, (_, i) => (i % 4 === 3 ? 0x20 : 0))
    const { publicKey, secretKey } = generateKemKeyPair((length) => {
      asked.push(length)
      return asked.length === 1 ? zero : random(length)
    })
    expect(asked).toEqual([3044, 3044, 3044, 191])
    const { ciphertext, sharedSecret } = encapsulate(publicKey)
    expect(decapsulate(secretKey, ciphertext)).toEqual(sharedSecret)
  })

  it('is the generator of the platform where none is given', () => {
    const [a, b] = [generateKemKeyPair(), generateKemKeyPair()]
    expect(a.publicKey).not.toEqual(b.publicKey)
    expect(encapsulate(a.publicKey).ciphertext).not.toEqual(encapsulate(a.publicKey).ciphertext)
  })
})

describe('wrong lengths', () => {
  const refusal = (message: string) =>
    expect.objectContaining({ name: 'KemError', code: 'LENGTH', temporary: false, message })
  const { publicKey, secretKey } = generateKemKeyPair()
  const { ciphertext } = encapsulate(publicKey)

  it.each([0, 1157, 1159])('public key of %i bytes', (length) => {
    expect(() => encapsulate(new Uint8Array(length))).toThrow(
      refusal(`expected 1158 bytes of public key, got ${length}`),
    )
  })

  it.each([0, 1762, 1764])('secret key of %i bytes', (length) => {
    expect(() => decapsulate(new Uint8Array(length), ciphertext)).toThrow(
      refusal(`expected 1763 bytes of secret key, got ${length}`),
    )
  })

  it.each([0, 1038, 1040])('ciphertext of %i bytes', (length) => {
    expect(() => decapsulate(secretKey, new Uint8Array(length))).toThrow(
      refusal(`expected 1039 bytes of ciphertext, got ${length}`),
    )
  })

  it('too few random bytes', () => {
    const short = (length: number) => new Uint8Array(length - 1)
    expect(() => encapsulate(publicKey, short)).toThrow(refusal('expected 3044 bytes of random data, got 3043'))
    expect(() => generateKemKeyPair(short)).toThrow(refusal('expected 3044 bytes of random data, got 3043'))
  })
})
