// The worked value of spec 10.1.1 and the recorded AEAD cases of the ratchet, on both platforms.
import { readFileSync } from 'node:fs'
import { pad, unpad } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { fromHex, toHex, type VectorCase } from './testing/vectors.js'

const path = new URL('../../../test-vectors/agent/ratchet-kdf.json', import.meta.url)
const cases: VectorCase[] = JSON.parse(readFileSync(path, 'utf8')).cases
const recorded = cases.filter((c) => c.op === 'aead')

const decryptError = expect.objectContaining({ name: 'CryptoError', code: 'DECRYPT', temporary: false })
const lengthError = expect.objectContaining({ name: 'CryptoError', code: 'LENGTH' })

it('the recorded cases have those whose block counter wraps', () => {
  expect(recorded.filter((c) => c.id.startsWith('aead-counter-')).length).toBeGreaterThan(1)
})

for (const platform of ['node', 'web'] as const) {
  vi.resetModules()
  vi.doMock('#platform', () => (platform === 'node' ? import('./platform-node.js') : import('./platform-web.js')))
  const { decryptAesGcm, encryptAesGcm, randomBytes } = await import('./index.js')

  describe(`AES-256-GCM on ${platform}`, () => {
    it('takes an IV of 16 bytes whole (10.1.1)', () => {
      const text = (value: string) => new TextEncoder().encode(value)
      const [key, iv] = [new Uint8Array(32).fill(0x11), new Uint8Array(16).fill(0x22)]
      const { tag, ciphertext } = encryptAesGcm(key, iv, text('ad'), text('hello'))
      expect(toHex(ciphertext)).toBe('74d67d43f1')
      expect(toHex(tag)).toBe('d01b848f32ce436f8039ba0930a485d9')
    })

    it.each(recorded)('$id', (c) => {
      const [key, iv, associated] = [fromHex(c.in.key), fromHex(c.in.iv), fromHex(c.in.assocData)]
      const sealed = encryptAesGcm(key, iv, associated, pad(fromHex(c.in.body), c.in.paddedLength as number))
      expect({ tag: toHex(sealed.tag), ciphertext: toHex(sealed.ciphertext) }).toEqual(c.out)
      const opened = decryptAesGcm(key, iv, associated, sealed.tag, sealed.ciphertext)
      expect(toHex(unpad(opened))).toBe(c.in.body)
    })

    const [key, iv, associated] = [randomBytes(32), randomBytes(12), randomBytes(20)]
    const { tag, ciphertext } = encryptAesGcm(key, iv, associated, randomBytes(40))

    it('does not open with a tag that is cut, longer, or random', () => {
      for (let length = 0; length < 16; length++) {
        expect(() => decryptAesGcm(key, iv, associated, tag.subarray(0, length), ciphertext)).toThrow(decryptError)
      }
      expect(() => decryptAesGcm(key, iv, associated, new Uint8Array(17), ciphertext)).toThrow(decryptError)
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.uint8Array(), (otherTag, other) => {
          expect(() => decryptAesGcm(key, iv, associated, otherTag, other)).toThrow(decryptError)
        }),
      )
    })

    it('takes only keys of 32 and IVs of at least 12 bytes', () => {
      for (const wrong of [0, 16, 31, 33]) {
        expect(() => encryptAesGcm(new Uint8Array(wrong), iv, associated, ciphertext)).toThrow(lengthError)
        expect(() => decryptAesGcm(new Uint8Array(wrong), iv, associated, tag, ciphertext)).toThrow(lengthError)
      }
      expect(() => encryptAesGcm(key, new Uint8Array(11), associated, ciphertext)).toThrow(lengthError)
      expect(() => decryptAesGcm(key, new Uint8Array(11), associated, tag, ciphertext)).toThrow(lengthError)
    })

    it('leaves its arguments as they were', () => {
      const plaintext = randomBytes(100)
      const before = plaintext.slice()
      const sealed = encryptAesGcm(key, iv, associated, plaintext)
      expect(plaintext).toStrictEqual(before)
      const sealedBefore = sealed.ciphertext.slice()
      expect(decryptAesGcm(key, iv, associated, sealed.tag, sealed.ciphertext)).toStrictEqual(before)
      expect(sealed.ciphertext).toStrictEqual(sealedBefore)
    })
  })
}
