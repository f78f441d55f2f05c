import { DecodeError } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DerReader, derBitString, derElement, derObjectId, derSequence, tags } from './der.js'
import { PrivateKey } from './keys.js'
import { isSignedKey, signKey, verifySignedKey } from './signed-key.js'
import { fromHex, toHex } from './testing/vectors.js'

const read = (hex: string) => {
  const der = new DerReader(fromHex(hex))
  const content = der.content(tags.octetString, 'bytes')
  der.end('bytes')
  return content
}

describe('DER', () => {
  it('comes back for content of every length', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65535, 65536]) {
      const content = new Uint8Array(length).fill(9)
      const der = new DerReader(derElement(tags.octetString, content))
      expect(der.content(tags.octetString, 'bytes')).toStrictEqual(content)
      expect(der.next()).toBeUndefined()
    }
  })

  it.each([
    ['0480', 'indefinite length'],
    ['048101aa', 'long form below 128'],
    ['04820080'.padEnd(8 + 256, '0'), 'a leading zero in the length'],
    ['0484000000010a', 'a length of four bytes'],
    ['04ff', 'a length of 127 bytes'],
    ['0403aabb', 'less than was announced'],
    ['0401aabb', 'something after it'],
    ['0501aa', 'another tag'],
    ['04', 'no length'],
    ['', 'nothing'],
  ])('%s is refused: %s', (hex) => {
    expect(() => read(hex)).toThrow(DecodeError)
  })

  it('an element cannot be longer than the one around it', () => {
    const der = new DerReader(fromHex('3003040201ffff'))
    expect(() => der.inside(tags.sequence, 'outer', () => der.content(tags.octetString, 'inner'))).toThrow(DecodeError)
  })

  it('an element must be read to its end', () => {
    const der = new DerReader(derSequence(derElement(tags.integer, Uint8Array.of(1)), derObjectId(1)))
    expect(() => der.inside(tags.sequence, 'outer', () => der.smallInteger('number'))).toThrow(
      expect.objectContaining({ code: 'trailing', position: 5 }),
    )
  })

  it.each(['0200', '020200 01', '0202ff80', '020180', '02020080'])('%s is no small integer', (hex) => {
    expect(() => new DerReader(fromHex(hex.replace(' ', ''))).smallInteger('number')).toThrow(DecodeError)
  })

  it.each(['0100', '010101', '01020000'])('%s is no boolean', (hex) => {
    expect(() => new DerReader(fromHex(hex)).boolean('flag')).toThrow(DecodeError)
  })

  it('a bit string of whole bytes has no unused bits', () => {
    expect(toHex(new DerReader(derBitString(Uint8Array.of(8))).octetBitString('bits'))).toBe('08')
    expect(() => new DerReader(derBitString(Uint8Array.of(8), 3)).octetBitString('bits')).toThrow(DecodeError)
    expect(() => new DerReader(fromHex('0300')).octetBitString('bits')).toThrow(DecodeError)
  })

  it('random bytes give nothing but a DecodeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const der = new DerReader(bytes)
        try {
          while (der.next() !== undefined) der.whole('element')
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })
})

describe('signed keys', () => {
  const failure = expect.objectContaining({ name: 'CertificateError', code: 'SIGNED_KEY' })

  it.each([
    ['ed25519', 122],
    ['ed448', 173],
  ] as const)('by %s have %i bytes and refuse any change', (algorithm, length) => {
    const [signer, key] = [PrivateKey.generate(algorithm), PrivateKey.generate('x25519').publicKey]
    const signed = signKey(signer, key)
    expect(signed.length).toBe(length)
    expect(verifySignedKey(signer.publicKey, signed).equals(key)).toBe(true)
    for (let i = 0; i < signed.length; i++) {
      expect(() => verifySignedKey(signer.publicKey, signed.subarray(0, i))).toThrow(failure)
      const changed = signed.slice()
      changed[i] = (changed[i] as number) ^ 1
      expect(() => verifySignedKey(signer.publicKey, changed)).toThrow(failure)
    }
    expect(() => verifySignedKey(PrivateKey.generate(algorithm).publicKey, signed)).toThrow(failure)
  })

  it('random bytes are refused', () => {
    const signer = PrivateKey.generate('ed25519').publicKey
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => verifySignedKey(signer, bytes)).toThrow(failure)
        expect(isSignedKey(bytes)).toBe(false)
      }),
    )
  })

  it('are told by their form, whoever signed them', () => {
    const [signer, key] = [PrivateKey.generate('ed25519'), PrivateKey.generate('x25519').publicKey]
    const signed = signKey(signer, key)
    const otherwise = signed.slice()
    otherwise[otherwise.length - 1] = (otherwise.at(-1) as number) ^ 1
    expect([signed, otherwise].map(isSignedKey)).toEqual([true, true])
    expect(isSignedKey(key.toDer())).toBe(false)
    for (let i = 0; i < signed.length; i++) expect(isSignedKey(signed.subarray(0, i))).toBe(false)
  })
})
