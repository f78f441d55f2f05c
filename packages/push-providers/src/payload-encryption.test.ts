import { PrivateKey, PublicKey, randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PayloadError } from './errors.js'
import { decryptPayload, encryptPayload, tokenSecret } from './payload-encryption.js'
import { bytesOf, vectors } from './testing/vectors.js'

interface Case {
  id: string
  op: 'secret' | 'encrypt' | 'decrypt'
  in: Record<string, string> & { paddedLength?: number }
  out?: Record<string, string>
  error?: string
}

const run: Record<Case['op'], (input: Case['in']) => Record<string, string>> = {
  secret: ({ publicKey, privateKey }) => ({
    secret: toHex(
      tokenSecret(
        PrivateKey.fromDer(bytesOf(privateKey as string)) as PrivateKey<'x25519'>,
        PublicKey.fromDer(bytesOf(publicKey as string)) as PublicKey<'x25519'>,
      ),
    ),
  }),
  encrypt: ({ secret, nonce, plain, paddedLength }) => {
    const options = { nonce: bytesOf(nonce as string), paddedLength: paddedLength as number }
    const encrypted = encryptPayload(bytesOf(secret as string), bytesOf(plain as string), options)
    return { nonceText: encrypted.nonce, dataText: encrypted.data }
  },
  decrypt: ({ secret, nonceText, dataText }) => ({
    plain: toHex(decryptPayload(bytesOf(secret as string), { nonce: nonceText as string, data: dataText as string })),
  }),
}

test.each(vectors<Case>('push-encrypt'))('vector %s', (_, { op, in: input, out, error }) => {
  if (out) expect(run[op](input)).toEqual(out)
  else {
    expect(() => run[op](input)).toThrow(PayloadError)
    if (error !== 'any') expect(() => run[op](input)).toThrow(expect.objectContaining({ code: error }))
  }
})

test('every payload has the same length and a nonce of its own', () => {
  const secret = randomBytes(32)
  const some = [new Uint8Array(), randomBytes(32), randomBytes(2910)].map((content) => encryptPayload(secret, content))
  expect(some.map(({ data }) => data.length)).toEqual([3904, 3904, 3904])
  expect(new Set(some.map(({ nonce }) => nonce)).size).toBe(3)
  expect(() => encryptPayload(secret, randomBytes(2911))).toThrow('expected at most 2910 bytes, got 2911')
})

test('reads what it wrote, and the bytes are the caller’s own', () => {
  const secret = randomBytes(32)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 62 }), (content) => {
      const plain = decryptPayload(secret, encryptPayload(secret, content, { paddedLength: 64 }))
      expect(plain).toEqual(content)
      expect(plain.buffer.byteLength).toBe(content.length)
    }),
  )
})

test('random texts give a PayloadError', () => {
  const secret = randomBytes(32)
  const text = fc.oneof(fc.string(), fc.base64String())
  fc.assert(
    fc.property(text, text, (nonce, data) => {
      expect(() => decryptPayload(secret, { nonce, data })).toThrow(PayloadError)
    }),
  )
})
