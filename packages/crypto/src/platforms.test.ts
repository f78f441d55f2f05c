// Both implementations of the primitives, loaded directly, must be one function.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { algorithms, type KeyAlgorithm } from './algorithms.js'
import type { Platform } from './platform.js'
import { platform as node, nodePlatform } from './platform-node.js'
import { platform as web } from './platform-web.js'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const data = fc.uint8Array({ maxLength: 600 })

/** The result of both, which must be equal in type and value. */
function same<T>(f: (platform: Platform) => T): T {
  const [ofNode, ofWeb] = [f(node), f(web)]
  expect(ofWeb).toStrictEqual(ofNode)
  return ofNode
}

/** No Buffer: those differ in `slice`. */
function isPlain(value: Uint8Array): void {
  expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype)
}

describe('hashes', () => {
  it.each(['md5', 'sha256', 'sha512', 'sha3_256', 'sha3_384'] as const)('%s is the same', (name) => {
    fc.assert(
      fc.property(data, (input) => {
        isPlain(same((p) => p[name](input)))
      }),
    )
  })

  it('HMAC and HKDF are the same', () => {
    fc.assert(
      fc.property(data, data, data, fc.integer({ min: 0, max: 300 }), (salt, key, info, length) => {
        isPlain(same((p) => p.hmacSha512(salt, key)))
        const output = same((p) => p.hkdfSha512(salt, key, info, length))
        expect(output.length).toBe(length)
      }),
    )
  })

  it('comparison is the same', () => {
    fc.assert(
      fc.property(data, data, (a, b) => {
        expect(same((p) => p.constantTimeEqual(a, a.slice()))).toBe(true)
        expect(same((p) => p.constantTimeEqual(a, b))).toBe(Buffer.compare(a, b) === 0)
      }),
    )
  })
})

describe('random bytes', () => {
  it.each([
    ['node', node],
    ['web', web],
  ])('%s fills any length', (_, platform) => {
    for (const length of [0, 1, 32, 65536, 65537, 200_000]) {
      const random = platform.randomBytes(length)
      expect(random.length).toBe(length)
      isPlain(random)
      // A run of 16 zero bytes at the end would mean that it was not filled.
      if (length > 16) expect(random.subarray(-16).some((byte) => byte !== 0)).toBe(true)
    }
  })
})

describe.each(['ed25519', 'ed448'] as const)('%s', (algorithm) => {
  const { keyLength, signatureLength } = algorithms[algorithm]

  it('signs the same and verifies what the other signed', () => {
    fc.assert(
      fc.property(bytes(keyLength), data, (seed, message) => {
        const publicKey = same((p) => p.publicRaw(algorithm, p.privateHandle(algorithm, seed)))
        const signature = same((p) => p.sign(algorithm, p.privateHandle(algorithm, seed), message))
        isPlain(signature)
        expect(signature.length).toBe(signatureLength)
        const verify = (p: Platform) => p.verify(algorithm, p.publicHandle(algorithm, publicKey), message, signature)
        expect(same(verify)).toBe(true)
      }),
      { numRuns: 20 },
    )
  })

  it('refuses the same changed signatures, messages and keys', () => {
    fc.assert(
      fc.property(bytes(keyLength), data, fc.nat(), fc.constantFrom(0, 1, 2), (seed, message, at, what) => {
        const publicKey = node.publicRaw(algorithm, node.privateHandle(algorithm, seed))
        const parts = [publicKey, message, node.sign(algorithm, node.privateHandle(algorithm, seed), message)] as const
        const changed = parts[what]
        fc.pre(changed.length > 0)
        const i = at % changed.length
        changed[i] = (changed[i] as number) ^ 1
        const verify = (p: Platform) => p.verify(algorithm, p.publicHandle(algorithm, parts[0]), parts[1], parts[2])
        expect(same(verify)).toBe(false)
      }),
      { numRuns: 20 },
    )
  })

  it('refuses random signatures by random keys, on the curve or not', () => {
    fc.assert(
      fc.property(bytes(keyLength), data, bytes(signatureLength), (key, message, signature) => {
        expect(same((p) => p.verify(algorithm, p.publicHandle(algorithm, key), message, signature))).toBe(false)
      }),
      { numRuns: 20 },
    )
  })
})

describe.each(['x25519', 'x448'] as const)('%s', (algorithm) => {
  const { keyLength } = algorithms[algorithm]
  const dh = (privateRaw: Uint8Array, publicRaw: Uint8Array) => (p: Platform) =>
    p.dh(algorithm, p.privateHandle(algorithm, privateRaw), p.publicHandle(algorithm, publicRaw))

  it('gives the same secret to both ends', () => {
    fc.assert(
      fc.property(bytes(keyLength), bytes(keyLength), (a, b) => {
        const [publicA, publicB] = [a, b].map((raw) =>
          same((p) => p.publicRaw(algorithm, p.privateHandle(algorithm, raw))),
        )
        const secret = same(dh(a, publicB as Uint8Array))
        expect(secret).toStrictEqual(same(dh(b, publicA as Uint8Array)))
        isPlain(secret as Uint8Array)
      }),
      { numRuns: 20 },
    )
  })

  it('takes any bytes as a public key, unused bits and values beyond the field included', () => {
    const odd = [new Uint8Array(keyLength).fill(0xff), new Uint8Array(keyLength).fill(0x80)]
    for (const point of odd) same(dh(new Uint8Array(keyLength).fill(0x77), point))
    fc.assert(
      fc.property(bytes(keyLength), bytes(keyLength), (a, point) => {
        same(dh(a, point))
      }),
      { numRuns: 20 },
    )
  })

  it('has no secret for points of low order', () => {
    for (const first of [0, 1]) {
      const point = new Uint8Array(keyLength)
      point[0] = first
      expect(same(dh(new Uint8Array(keyLength).fill(0x77), point))).toBeUndefined()
    }
  })
})

describe.each([
  ['sodium-native', node],
  ['noble on Node', nodePlatform(undefined)],
])('secretbox by %s', (_, platform) => {
  it('is the portable one, in both directions', () => {
    fc.assert(
      fc.property(bytes(32), bytes(24), data, (key, nonce, message) => {
        const [ours, theirs] = [platform, web].map((p) => {
          const block = p.allocate(16 + message.length)
          block.set(message, 16)
          p.secretboxSeal(key, nonce, block)
          return block
        }) as [Uint8Array, Uint8Array]
        expect(ours).toStrictEqual(theirs)
        expect([platform.secretboxOpen(key, nonce, theirs), web.secretboxOpen(key, nonce, ours)]).toEqual([true, true])
        expect([ours.subarray(16), theirs.subarray(16)]).toEqual([message, message])
      }),
    )
  })

  it('refuses every changed bit', () => {
    fc.assert(
      fc.property(bytes(32), bytes(24), data, fc.nat(), (key, nonce, message, at) => {
        const block = platform.allocate(16 + message.length)
        block.set(message, 16)
        platform.secretboxSeal(key, nonce, block)
        const i = at % block.length
        block[i] = (block[i] as number) ^ (1 << (at % 8))
        expect(platform.secretboxOpen(key, nonce, block)).toBe(false)
        expect(web.secretboxOpen(key, nonce, block)).toBe(false)
      }),
    )
  })
})

describe('AES-256-GCM', () => {
  const ivs = fc.oneof(bytes(12), bytes(16), fc.uint8Array({ minLength: 12, maxLength: 40 }))

  it('seals the same and opens what the other sealed', () => {
    fc.assert(
      fc.property(bytes(32), ivs, data, data, (key, iv, associated, plaintext) => {
        const { tag, ciphertext } = same((p) => p.aesGcmSeal(key, iv, associated, plaintext))
        isPlain(tag)
        isPlain(ciphertext)
        expect([tag.length, ciphertext.length]).toEqual([16, plaintext.length])
        const opened = same((p) => p.aesGcmOpen(key, iv, associated, tag, ciphertext))
        expect(opened).toStrictEqual(plaintext)
      }),
    )
  })

  it('refuses every changed bit of what it is made of', () => {
    fc.assert(
      fc.property(bytes(32), ivs, data, data, fc.nat(), fc.nat(4), (key, iv, associated, plaintext, at, what) => {
        const { tag, ciphertext } = node.aesGcmSeal(key, iv, associated, plaintext)
        const parts = [key, iv, associated, tag, ciphertext] as const
        const changed = parts[what] as Uint8Array
        fc.pre(changed.length > 0)
        const i = at % changed.length
        changed[i] = (changed[i] as number) ^ (1 << (at % 8))
        expect(same((p) => p.aesGcmOpen(...parts))).toBeUndefined()
      }),
    )
  })
})

it('sodium-native is what these tests see on Node', () => {
  const withoutSodium = nodePlatform(undefined)
  expect(node.secretboxSeal).not.toBe(withoutSodium.secretboxSeal)
})

it('keys of every algorithm keep their raw form through a handle', () => {
  for (const algorithm of Object.keys(algorithms) as KeyAlgorithm[]) {
    const raw = new Uint8Array(algorithms[algorithm].keyLength).fill(7)
    const publicKey = node.publicRaw(algorithm, node.privateHandle(algorithm, raw))
    isPlain(publicKey)
    expect(node.publicRaw(algorithm, node.publicHandle(algorithm, publicKey))).toStrictEqual(publicKey)
  }
})
