import { expect, test } from 'vitest'
import { nonceFromBytes, reverseNonce } from './nonce.js'

test('a nonce is a copy of the id that it was made from', () => {
  const id = new Uint8Array(24).fill(1)
  const nonce = nonceFromBytes(id)
  id.fill(2)
  expect(nonce).toEqual(new Uint8Array(24).fill(1))
})

test('reversing does not touch its input and undoes itself', () => {
  const nonce = Uint8Array.from({ length: 24 }, (_, i) => i)
  const reversed = reverseNonce(nonce)
  expect(nonce[0]).toBe(0)
  expect(reversed[0]).toBe(23)
  expect(reverseNonce(reversed)).toEqual(nonce)
})
