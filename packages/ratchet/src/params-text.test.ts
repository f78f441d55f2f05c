import { DecodeError, toBase64url } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { e2eParamsFromText, e2eParamsToText } from './params-text.js'
import { kemProposed, plain, x448 } from './testing/arbitraries.js'

const range = fc.record(
  {
    versions: fc.constantFrom({ min: 2, max: 3 }, { min: 3, max: 3 }, { min: 2, max: 9 }),
    key1: x448,
    key2: x448,
    kem: fc.oneof(fc.constant(null), kemProposed),
  },
  plain,
)
const [sample] = fc.sample(
  range.filter(({ kem }) => kem !== null),
  1,
)
if (!sample?.kem) throw new Error('expected a sample')
const keys = [sample.key1, sample.key2].map((key) => toBase64url(key.toDer()))
const kem = `kem_key=${toBase64url(sample.kem.key)}`

describe('the text of parameters', () => {
  it('reads what it wrote', () => {
    fc.assert(
      fc.property(range, (value) => {
        const text = e2eParamsToText(value)
        expect(JSON.stringify(e2eParamsFromText(text))).toBe(JSON.stringify(value))
        expect(e2eParamsToText(e2eParamsFromText(text))).toBe(text)
      }),
      { numRuns: 30 },
    )
  })

  it('leaves the KEM key out, and ignores it, where the range ends before version 3', () => {
    const versions = { min: 2, max: 2 }
    expect(e2eParamsToText({ ...sample, versions })).toBe(`v=2&x3dh=${keys.join(',')}`)
    expect(e2eParamsFromText(`v=2&x3dh=${keys.join(',')}&kem_key=?&kem_ct=?`)).toMatchObject({ versions, kem: null })
  })

  it('takes any order, names that it does not know, and the first of a name', () => {
    const text = `${kem}&zz=1&x3dh=${keys.join(',')}&x3dh=&v=2-3&flag`
    expect(e2eParamsToText(e2eParamsFromText(text))).toBe(`v=2-3&x3dh=${keys.join(',')}&${kem}`)
  })

  it.each([
    ['nothing', ''],
    ['no version', `x3dh=${keys.join(',')}`],
    ['no keys', 'v=2-3'],
    ['one key', `v=2-3&x3dh=${keys[0]}`],
    ['three keys', `v=2-3&x3dh=${keys.join(',')},${keys[0]}`],
    ['an empty key', `v=2-3&x3dh=${keys[0]},`],
    ['a range upside down', `v=3-2&x3dh=${keys.join(',')}`],
    ['an escaped comma', `v=2-3&x3dh=${keys.join('%2C')}`],
    ['a key that is no DER', `v=2-3&x3dh=${keys[0]},AAAA`],
    ['a key of another curve', `v=2-3&x3dh=${keys[0]},MCowBQYDK2VuAyEA${'A'.repeat(43)}`],
    ['a short KEM key', `v=2-3&x3dh=${keys.join(',')}&kem_key=AAAA`],
    ['an empty KEM key', `v=2-3&x3dh=${keys.join(',')}&kem_key=`],
    ['a ciphertext', `v=2-3&x3dh=${keys.join(',')}&${kem}&kem_ct=AAAA`],
    ['only a ciphertext', `v=2-3&x3dh=${keys.join(',')}&kem_ct=AAAA`],
  ])('refuses %s', (_, text) => {
    expect(() => e2eParamsFromText(text)).toThrow(DecodeError)
  })

  it('throws nothing but DecodeError for any text', () => {
    const part = fc.constantFrom('v=', '2-3', '&', 'x3dh=', ',', 'kem_key=', 'kem_ct=', ...keys)
    const texts = fc.oneof(
      fc.string(),
      fc.array(part).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        try {
          e2eParamsFromText(text)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })
})
