import { expect, it } from 'vitest'
import { platformRandom } from './random.js'
import { decapsulate } from './sntrup761.js'

it('the platform gives new keys each time, and secrets that are shared', () => {
  const [first, second] = [platformRandom.x448(), platformRandom.x448()]
  expect(first.publicKey.equals(second.publicKey)).toBe(false)
  const { publicKey, secretKey } = platformRandom.kemKeyPair()
  const { ciphertext, sharedSecret } = platformRandom.encapsulate(publicKey)
  expect(decapsulate(secretKey, ciphertext)).toEqual(sharedSecret)
  expect(platformRandom.encapsulate(publicKey).ciphertext).not.toEqual(ciphertext)
})
