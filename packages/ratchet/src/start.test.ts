import { describe, expect, it } from 'vitest'
import { createRatchetKeys, paramsOf } from './keys.js'
import type { E2eParams } from './params.js'
import { decapsulate } from './sntrup761.js'
import { securityCode, startReceiving, startSending, startSendingWith } from './start.js'
import { noRandom, pooledRandom } from './testing/kem-pool.js'
import type { E2eVersion } from './versions.js'

const withKem = createRatchetKeys({ kem: true }, pooledRandom)
const without = { ...withKem, kem: null }
const x448Only = { ...noRandom, x448: pooledRandom.x448 }
const refused = (code: string) => expect.objectContaining({ name: 'RatchetError', code, temporary: false })

describe('the joiner', () => {
  it('accepts the KEM key of an invitation', () => {
    const { params, state } = startSending(paramsOf(withKem, 3), { pqSupport: true }, pooledRandom)
    if (params.kem?.type !== 'accepted' || !withKem.kem) throw new Error('expected an accepted KEM')
    expect(params.kem.key).toEqual(state.kem?.keys.publicKey)
    expect(params.kem.ciphertext).toEqual(state.kem?.ciphertext)
    expect(decapsulate(withKem.kem.secretKey, params.kem.ciphertext).length).toBe(32)
    expect(state).toMatchObject({ supportKem: true, enableKem: true, sendKem: true, receiveKem: false })
  })

  it('proposes its own where the invitation has none', () => {
    const { params, state } = startSending(paramsOf(without, 3), { pqSupport: true }, pooledRandom)
    expect(params.kem).toEqual({ type: 'proposed', key: state.kem?.keys.publicKey })
    expect(state).toMatchObject({ supportKem: true, enableKem: true, sendKem: false, kem: { ciphertext: null } })
  })

  it.each([
    { version: 3, pqSupport: false },
    { version: 2, pqSupport: true },
    { version: 2, pqSupport: false },
  ])('has no KEM with version $version and the wish $pqSupport', ({ version, pqSupport }) => {
    const { params, state } = startSending({ ...paramsOf(withKem, 3), version }, { pqSupport }, x448Only)
    expect(params).toMatchObject({ version, kem: null })
    expect(state).toMatchObject({ version, kem: null, supportKem: false, enableKem: false, sendKem: false })
  })

  it('begins with numbers of 0, a key that is not in its parameters, and only a sending chain', () => {
    const { params, state } = startSending(paramsOf(without, 3), { pqSupport: false }, x448Only)
    expect(state).toMatchObject({ sendNumber: 0, receiveNumber: 0, previousCount: 0, nextOrder: 0, receive: null })
    expect(state.send?.peerDhKey.equals(without.key2.publicKey)).toBe(true)
    for (const key of [params.key1, params.key2]) expect(key.equals(state.dhPublicKey)).toBe(false)
  })

  it('in a re-synchronisation uses the keys that it was given, and no secret of the KEM', () => {
    const peer = paramsOf(createRatchetKeys({ kem: true }, pooledRandom), 3)
    const state = startSendingWith(withKem, peer, {}, x448Only)
    expect(state).toMatchObject({ sendKem: false, supportKem: true, kem: { keys: withKem.kem, ciphertext: null } })
    expect(startSendingWith(withKem, { ...peer, version: 2 }, {}, x448Only)).toMatchObject({
      supportKem: false,
      kem: null,
    })
  })
})

describe('the initiator', () => {
  const joined = (pqSupport: boolean, keys = withKem, version = 3) =>
    startSending(paramsOf(keys, version), { pqSupport }, pooledRandom)

  it('has the KEM state of what was accepted', () => {
    const { params, state: joiner } = joined(true)
    const state = startReceiving(withKem, params, { pqSupport: true })
    expect(state.kem?.keys).toBe(withKem.kem)
    expect(state.kem?.ciphertext).toEqual(joiner.kem?.ciphertext)
    expect(state).toMatchObject({ supportKem: true, enableKem: true, sendKem: false, receiveKem: false })
    expect(state).toMatchObject({ send: null, receive: null, nextReceiveHeaderKey: joiner.send?.headerKey })
    expect(securityCode(state)).toEqual(securityCode(joiner))
  })

  it('keeps nothing of the parameters that their sender could still change', () => {
    const { params, state: joiner } = joined(true)
    if (params.kem?.type !== 'accepted') throw new Error('expected an accepted KEM')
    const ciphertext = params.kem.ciphertext.slice()
    const state = startReceiving(withKem, { ...params, kem: { ...params.kem, ciphertext } }, { pqSupport: true })
    ciphertext.fill(0)
    expect(state.kem?.ciphertext).toEqual(joiner.kem?.ciphertext)
  })

  it('has none for a proposal or silence, whatever it had offered', () => {
    for (const params of [joined(true, without).params, joined(false).params]) {
      const state = startReceiving(withKem, params, { pqSupport: true })
      expect(state).toMatchObject({ kem: null, supportKem: true, enableKem: true })
    }
  })

  it('does not wish for the KEM before version 3', () => {
    const { params } = joined(false, without, 2)
    expect(startReceiving(without, params, { pqSupport: true })).toMatchObject({ supportKem: false, enableKem: false })
  })

  it('refuses a ciphertext where it had offered no key', () => {
    const { params } = joined(true)
    expect(() => startReceiving(without, params, { pqSupport: true })).toThrow(refused('KEM_STATE'))
  })
})

describe('versions', () => {
  it.each([0, 1, 4, 65535])('%i is refused in every role', (version) => {
    const params: E2eParams = { ...paramsOf(without, 2), version }
    const peer = { ...params, kem: null }
    const message = new RegExp(`expected e2e version 2 to 3, got ${version}`)
    expect(() => startReceiving(without, params, { pqSupport: false })).toThrow(refused('VERSION'))
    expect(() => startSending(peer, { pqSupport: false }, noRandom)).toThrow(message)
    expect(() => startSendingWith(without, peer, {}, noRandom)).toThrow(message)
  })

  it('the own maximum is 3, or what is configured', () => {
    const maxVersion = 2 as E2eVersion
    const peer = paramsOf(without, 2)
    const { params, state } = startSending(peer, { pqSupport: false, maxVersion }, x448Only)
    expect(state.maxVersion).toBe(2)
    expect(startReceiving(without, params, { pqSupport: false })).toMatchObject({ version: 2, maxVersion: 3 })
    expect(startSendingWith(without, peer, { maxVersion }, x448Only).maxVersion).toBe(2)
  })
})
