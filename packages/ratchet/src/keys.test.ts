import { expect, it } from 'vitest'
import { createRatchetKeys, paramsOf, paramsRangeOf } from './keys.js'
import { noRandom, pooledRandom } from './testing/kem-pool.js'
import { e2eVersions } from './versions.js'

it('has a KEM key only where one is asked for', () => {
  const without = createRatchetKeys({ kem: false }, { ...noRandom, x448: pooledRandom.x448 })
  expect(without.kem).toBeNull()
  expect(paramsRangeOf(without, e2eVersions)).toMatchObject({ versions: e2eVersions, kem: null })
  expect(createRatchetKeys({ kem: true }, pooledRandom).kem).not.toBeNull()
})

it('gives the peer the public keys, the KEM key from version 3 on', () => {
  const keys = createRatchetKeys({ kem: true }, pooledRandom)
  const kem = { type: 'proposed', key: keys.kem?.publicKey }
  const range = paramsRangeOf(keys, e2eVersions)
  expect(range.kem).toEqual(kem)
  for (const params of [range, paramsOf(keys, 2), paramsOf(keys, 3)]) {
    expect(params.key1.equals(keys.key1.publicKey)).toBe(true)
    expect(params.key2.equals(keys.key2.publicKey)).toBe(true)
  }
  expect(paramsOf(keys, 3)).toMatchObject({ version: 3, kem })
  expect(paramsOf(keys, 2)).toMatchObject({ version: 2, kem: null })
})
