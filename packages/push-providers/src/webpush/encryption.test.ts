import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PayloadError } from '../errors.js'
import { decryptWebPush, encryptWebPush, maxContentLength } from './encryption.js'
import { generateWebPushKeys, readPublicKeys } from './keys.js'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))

// RFC 8291, appendix A.
const vector = {
  content: new TextEncoder().encode('When I grow up, I want to be a watermelon'),
  senderKey: bytes('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'),
  salt: bytes('DGv6ra1nlYgDCS1FRnbzlw'),
  keys: {
    privateKey: 'q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94',
    p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
    auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  },
  body: 'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
}

const keys = generateWebPushKeys()
const publicKeys = readPublicKeys(keys)

/** The code of the error that `run` throws, of our own kind. */
function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(PayloadError)
    return (error as PayloadError).code
  }
  throw new Error('expected an error')
}

test('the example of RFC 8291 is made byte for byte, and read', () => {
  const { content, salt, senderKey } = vector
  const body = encryptWebPush(content, readPublicKeys(vector.keys), { salt, privateKey: senderKey })
  expect(Buffer.from(body).toString('base64url')).toBe(vector.body)
  expect(decryptWebPush(bytes(vector.body), vector.keys)).toEqual(content)
})

test('what was encrypted for a device is decrypted by it, of every length that fits', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (content) => {
      expect(decryptWebPush(encryptWebPush(content, publicKeys), keys)).toEqual(content)
    }),
    { numRuns: 30 },
  )
  const longest = new Uint8Array(maxContentLength).fill(7)
  expect(maxContentLength).toBe(3993)
  const body = encryptWebPush(longest, publicKeys)
  expect(body.length).toBe(4096)
  expect(decryptWebPush(body, keys)).toEqual(longest)
  expect(codeOf(() => encryptWebPush(new Uint8Array(3994), publicKeys))).toBe('LARGE')
})

test('zeros at the end of the content stay', () => {
  const content = Uint8Array.of(1, 2, 0, 0)
  expect(decryptWebPush(encryptWebPush(content, publicKeys), keys)).toEqual(content)
})

test('each push has a salt and a key of its own', () => {
  const [first, second] = [encryptWebPush(Uint8Array.of(1), publicKeys), encryptWebPush(Uint8Array.of(1), publicKeys)]
  expect(first.subarray(0, 16)).not.toEqual(second.subarray(0, 16))
  expect(first.subarray(21, 86)).not.toEqual(second.subarray(21, 86))
})

describe('what a device must not take', () => {
  const body = encryptWebPush(new TextEncoder().encode('content'), publicKeys)

  test('no beginning of a body', () => {
    for (let length = 0; length < body.length; length++) {
      expect(['FORMAT', 'DECRYPT']).toContain(codeOf(() => decryptWebPush(body.subarray(0, length), keys)))
    }
  })

  test('no changed byte, apart from a larger size of records', () => {
    for (let at = 0; at < body.length; at++) {
      if (at >= 16 && at < 20) continue
      const changed = body.slice()
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(['FORMAT', 'DECRYPT']).toContain(codeOf(() => decryptWebPush(changed, keys)))
    }
  })

  test('another device’s, and one made with another secret', () => {
    expect(codeOf(() => decryptWebPush(body, generateWebPushKeys()))).toBe('DECRYPT')
    expect(codeOf(() => decryptWebPush(body, { ...keys, auth: 'AAAAAAAAAAAAAAAAAAAAAA' }))).toBe('DECRYPT')
  })

  test.each([
    { privateKey: '' },
    { privateKey: '!' },
    { privateKey: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' },
    { privateKey: keys.p256dh },
    { auth: '' },
    { auth: '!' },
    { auth: keys.privateKey },
  ])('anything with keys that are none: %j', (wrong) => {
    expect(codeOf(() => decryptWebPush(body, { ...keys, ...wrong }))).toBe('FORMAT')
  })

  test('more than one record', () => {
    const small = body.slice()
    small[18] = 0
    small[19] = 18
    expect(codeOf(() => decryptWebPush(small, keys))).toBe('FORMAT')
  })

  test('anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        expect(['FORMAT', 'DECRYPT']).toContain(codeOf(() => decryptWebPush(random, keys)))
      }),
    )
  })
})
