import { describe, expect, it } from 'vitest'
import { decrypt } from './decrypt.js'
import { encrypt, encryptBody, encryptHeader } from './encrypt.js'
import { noRandom, pooledRandom } from './testing/kem-pool.js'
import { connectedParties, parties } from './testing/party.js'
import type { E2eVersion } from './versions.js'

const body = new TextEncoder().encode('body')
const refused = (code: string) => expect.objectContaining({ name: 'RatchetError', code, temporary: false })

describe('lengths of messages (10.6.3)', () => {
  it.each([
    { version: 2, kem: false, paddedLength: 15840, header: 123, message: 15980 },
    { version: 3, kem: false, paddedLength: 15840, header: 124, message: 15982 },
    { version: 3, kem: true, paddedLength: 13618, header: 2346, message: 15982 },
  ])('version $version, KEM $kem', ({ version, kem, paddedLength, header, message }) => {
    const { joiner } = parties({ version, kem })
    const { key } = encryptHeader(joiner.state)
    expect(key.encHeader.length).toBe(header)
    expect(encryptBody(key, body, paddedLength).length).toBe(message)
  })

  it('bodies fit to the last byte, and not beyond', () => {
    const { joiner, initiator } = parties()
    const { message } = encrypt(joiner.state, new Uint8Array(98), 100)
    expect(decrypt(initiator.state, [], message, pooledRandom)).toHaveProperty('plaintext', new Uint8Array(98))
    expect(() => encrypt(joiner.state, new Uint8Array(99), 100)).toThrow(refused('LARGE'))
    expect(() => encrypt(joiner.state, new Uint8Array(0), 1)).toThrow(refused('LARGE'))
  })
})

it('an initiator has nothing to send with before it has received', () => {
  const { initiator } = parties()
  expect(() => encryptHeader(initiator.state)).toThrow(refused('RATCHET_STATE'))
})

it('header and body may be encrypted at different times', () => {
  const { joiner, initiator } = connectedParties()
  const first = encryptHeader(joiner.state)
  const second = encrypt(first.state, body, 50)
  initiator.receive(second.message)
  expect(initiator.receive(encryptBody(first.key, body, 30))).toHaveProperty('plaintext', body)
})

it('each message has keys of its own, and the state before is as it was', () => {
  const { joiner } = parties()
  const before = { ...joiner.state }
  const first = encryptHeader(joiner.state)
  const second = encryptHeader(first.state)
  expect(first.key.messageKey).not.toEqual(second.key.messageKey)
  expect(first.key.iv).not.toEqual(second.key.iv)
  expect(joiner.state).toEqual(before)
  expect([first.state.sendNumber, second.state.sendNumber]).toEqual([1, 2])
})

describe('the choice of the KEM', () => {
  const { joiner } = connectedParties({ kem: true })
  const { joiner: without } = connectedParties()

  it('on gives headers room from this message on, and stays', () => {
    expect(without.state).toMatchObject({ supportKem: false, enableKem: false })
    const on = encryptHeader(without.state, { pq: true })
    expect(on.state).toMatchObject({ supportKem: true, enableKem: true, maxVersion: 3 })
    expect(on.key.encHeader.length).toBe(2346)
    for (const pq of [null, undefined]) {
      expect(encryptHeader(on.state, { pq }).state).toMatchObject({ supportKem: true, enableKem: true })
    }
    expect(encryptHeader(on.state, { pq: false }).state).toMatchObject({ supportKem: true, enableKem: false })
  })

  it('on gives no room before version 3', () => {
    const second = parties({ version: 2 }).joiner
    const on = encryptHeader(second.state, { pq: true, maxVersion: 2 as E2eVersion })
    expect(on.state).toMatchObject({ supportKem: false, enableKem: true, maxVersion: 3 })
    expect(on.key.encHeader.length).toBe(123)
  })

  it('off drops the ciphertext after this header, and keeps the own key', () => {
    expect(joiner.state.kem?.ciphertext).not.toBeNull()
    const off = encryptHeader(joiner.state, { pq: false })
    expect(off.state.kem).toEqual({ keys: joiner.state.kem?.keys, ciphertext: null })
    expect(off.state).toMatchObject({ supportKem: true, enableKem: false, sendKem: true })
    expect(encryptHeader(joiner.state).state.kem).toBe(joiner.state.kem)
  })
})

describe('the announced version', () => {
  it.each([
    { version: 2, maxVersion: 2, announced: 2 },
    { version: 2, maxVersion: 3, announced: 3 },
    { version: 3, maxVersion: 2, announced: 3 },
  ])('is $announced for a configured $maxVersion and a current $version', ({ version, maxVersion, announced }) => {
    const { joiner, initiator } = parties({ version })
    const { state, message } = encrypt(joiner.state, body, 20, { maxVersion: maxVersion as E2eVersion })
    expect(state.maxVersion).toBe(announced)
    const result = decrypt(initiator.state, [], message, { ...noRandom, x448: pooledRandom.x448 })
    expect(result.state.version).toBe(Math.max(version, announced))
  })
})
