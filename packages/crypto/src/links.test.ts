import { DecodeError } from '@smpkit/encoding'
import { describe, expect, it } from 'vitest'
import { box, boxPadded } from './box.js'
import { hkdfSha512, randomBytes } from './hash.js'
import { combineIdsHashes, emptyIdsHash, xorIdsHash } from './ids-hash.js'
import { PrivateKey } from './keys.js'
import {
  contactLinkKeys,
  invitationLinkKeys,
  openLinkItem,
  openUnverifiedLinkItem,
  sealLinkItem,
  senderIdOf,
} from './links.js'
import { verify } from './signatures.js'
import { fromHex, toHex } from './testing/vectors.js'

const coded = (code: string) => expect.objectContaining({ name: 'CryptoError', code })

describe('link keys', () => {
  it('are those of the worked examples (05 §9, §25)', () => {
    const key = new Uint8Array(32).fill(0x0c)
    const { linkId, dataKey } = contactLinkKeys(key)
    expect(toHex(linkId)).toBe('84c6ad4fc6a1f5e3945d986456bf11e66f3044d14aecdd88')
    expect(toHex(dataKey)).toBe('2afa56f498f633168b05ecfcbdcf7f7a06ab2abc7967d41929fc413697d3e075')
    expect(toHex(invitationLinkKeys(key).dataKey)).toBe(
      'd37f868be47583b24cd4b3b414f25b684c627e5f16c99ad9b75db904df5c8532',
    )
    const corrId = Uint8Array.from({ length: 24 }, (_, i) => 0x40 + i)
    expect(toHex(senderIdOf(corrId))).toBe('7ce370fd7d776358c31812d464b7b390708c52dce0010b0f')
    expect(() => contactLinkKeys(new Uint8Array(31))).toThrow(coded('LENGTH'))
    expect(() => invitationLinkKeys(new Uint8Array(33))).toThrow(coded('LENGTH'))
  })
})

describe('sealed link items', () => {
  const [key, nonce, data] = [randomBytes(32), randomBytes(24), randomBytes(100)]
  const signer = PrivateKey.generate('ed25519')
  const sealed = sealLinkItem('fixed', key, signer, nonce, data)

  it('open to their data, with or without knowing the signer', () => {
    expect(openLinkItem(key, signer.publicKey, sealed)).toStrictEqual(data)
    const item = openUnverifiedLinkItem(key, sealed)
    expect(verify(signer.publicKey, item.data, item.signature)).toBe(true)
    expect(sealLinkItem('user', key, signer, nonce, data)).toHaveLength(13824)
  })

  it('are refused when cut, changed, of another key or of another signer', () => {
    for (const length of [0, 23, 24, 39, 40, 2047]) {
      expect(() => openUnverifiedLinkItem(key, sealed.subarray(0, length))).toThrow(coded('DECRYPT'))
    }
    expect(() => openLinkItem(randomBytes(32), signer.publicKey, sealed)).toThrow(coded('DECRYPT'))
    const other = PrivateKey.generate('ed25519').publicKey
    expect(() => openLinkItem(key, other, sealed)).toThrow(coded('SIGNATURE_INVALID'))
    const noSignature = Uint8Array.of(...nonce, ...boxPadded(key, nonce, Uint8Array.of(0, 1, 2), 100))
    expect(() => openLinkItem(key, signer.publicKey, noSignature)).toThrow(coded('SIGNATURE_LENGTH'))
    for (const inside of [[0, 1, 64], [0, 9], [0]]) {
      const bad = Uint8Array.of(...nonce, ...box(key, nonce, Uint8Array.from(inside)))
      expect(() => openLinkItem(key, signer.publicKey, bad)).toThrow(DecodeError)
    }
  })
})

describe('ids hash (06 §4)', () => {
  const a = Uint8Array.from({ length: 24 }, (_, i) => i)
  const b = a.map((byte) => byte + 1)

  it('is the XOR of MD5s, in any order, and its own inverse', () => {
    expect(toHex(xorIdsHash(emptyIdsHash(), a))).toBe('8bd9c8efbbac58748951ca5a45cfd386')
    const both = xorIdsHash(xorIdsHash(emptyIdsHash(), a), b)
    expect(toHex(both)).toBe('9fa740e9e4a0c7632effdd12322911b5')
    expect(xorIdsHash(xorIdsHash(emptyIdsHash(), b), a)).toStrictEqual(both)
    expect(xorIdsHash(both, b)).toStrictEqual(fromHex('8bd9c8efbbac58748951ca5a45cfd386'))
    expect(combineIdsHashes(both, both)).toStrictEqual(emptyIdsHash())
    expect(() => xorIdsHash(new Uint8Array(15), a)).toThrow(coded('LENGTH'))
  })
})

it('HKDF gives at most 255 blocks', () => {
  const empty = new Uint8Array(0)
  expect(hkdfSha512(empty, empty, empty, 255 * 64)).toHaveLength(16320)
  expect(() => hkdfSha512(empty, empty, empty, 255 * 64 + 1)).toThrow(coded('LENGTH'))
})
