import { PrivateKey } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { describe, expect, test } from 'vitest'
import { keyOf, ownerOf } from './words.js'

describe('the owner of a token', () => {
  test.each(['ed25519', 'ed448', 'x25519'] as const)('is named by a key of %s', (algorithm) => {
    const { publicKey } = PrivateKey.generate(algorithm)
    expect(keyOf(ownerOf(publicKey))?.toDer()).toEqual(publicKey.toDer())
  })

  test.each(['', 'a connection', 'ntf/', 'ntf/?', `ntf/${toBase64url(new Uint8Array(44))}`])(
    'has no key where it is of another door, or damaged: %j',
    (owner) => expect(keyOf(owner)).toBeUndefined(),
  )
})
