import { decode, encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encryptHeader } from './encrypt.js'
import { createRatchetKeys } from './keys.js'
import { messageKey, ratchetKeys, ratchetState, skippedKey } from './storage.js'
import { bytes, plain, privateX448, word32, x448 } from './testing/arbitraries.js'
import { codecPromises } from './testing/codec-suite.js'
import { pooledRandom } from './testing/kem-pool.js'
import { connectedParties } from './testing/party.js'
import { type E2eVersion, e2eVersions } from './versions.js'

const key = bytes(32)
const version = fc.constantFrom<E2eVersion>(e2eVersions.min, e2eVersions.max)
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof(fc.constant(null), arbitrary)
const kemKeys = fc.integer().map(() => pooledRandom.kemKeyPair())
const order = fc.maxSafeNat()

const states = fc.record(
  {
    version,
    maxVersion: version,
    associatedData: bytes(112),
    dhKey: privateX448,
    dhPublicKey: x448,
    kem: orNull(fc.record({ keys: kemKeys, ciphertext: orNull(bytes(1039)) }, plain)),
    supportKem: fc.boolean(),
    enableKem: fc.boolean(),
    sendKem: fc.boolean(),
    receiveKem: fc.boolean(),
    rootKey: key,
    send: orNull(fc.record({ peerDhKey: x448, chainKey: key, headerKey: key }, plain)),
    receive: orNull(fc.record({ chainKey: key, headerKey: key }, plain)),
    nextSendHeaderKey: key,
    nextReceiveHeaderKey: key,
    sendNumber: word32,
    receiveNumber: word32,
    previousCount: word32,
    nextOrder: order,
  },
  plain,
)

describe('ratchetState', () => {
  codecPromises(ratchetState, states)

  it('is compact', () => {
    expect(encode(ratchetState, connectedParties().joiner.state).length).toBe(536)
    expect(encode(ratchetState, connectedParties({ kem: true }).joiner.state).length).toBe(3339)
  })

  it('refuses versions that are not ours', () => {
    const stored = encode(ratchetState, connectedParties().joiner.state)
    stored[2] = 4
    expect(() => decode(ratchetState, stored)).toThrow('expected an e2e version, got 4 (at 1)')
  })
})

describe('ratchetKeys', () => {
  codecPromises(ratchetKeys, fc.record({ key1: privateX448, key2: privateX448, kem: orNull(kemKeys) }, plain))

  it('has 114 or 1877 bytes', () => {
    const length = (kem: boolean) => encode(ratchetKeys, createRatchetKeys({ kem }, pooledRandom)).length
    expect([length(false), length(true)]).toEqual([114, 1877])
  })
})

describe('skippedKey', () => {
  const fields = { order, headerKey: key, messageNumber: word32, messageKey: key, iv: bytes(16) }
  codecPromises(skippedKey, fc.record(fields, plain))
})

describe('messageKey', () => {
  const encHeader = fc.uint8Array({ minLength: 123, maxLength: 2346 })
  const fields = { version, messageKey: key, iv: bytes(16), associatedData: bytes(112), encHeader }
  codecPromises(messageKey, fc.record(fields, plain))
})

describe('every format', () => {
  const { state, key: made } = encryptHeader(connectedParties().joiner.state)
  const skipped = { order: 1, headerKey: state.rootKey, messageNumber: 2, messageKey: state.rootKey, iv: made.iv }
  const stored = {
    'ratchet state': [ratchetState, encode(ratchetState, state)],
    'key set': [ratchetKeys, encode(ratchetKeys, createRatchetKeys({ kem: false }, pooledRandom))],
    'skipped key': [skippedKey, encode(skippedKey, skipped)],
    'message key': [messageKey, encode(messageKey, made)],
  } as const

  it.each(Object.entries(stored))(
    'of a %s begins with its version, and another one is refused',
    (name, [codec, bytes]) => {
      expect(bytes[0]).toBe(1)
      for (const format of [0, 2, 255]) {
        const other = Uint8Array.of(format, ...bytes.subarray(1))
        expect(() => decode<unknown>(codec, other)).toThrow(`expected a ${name} of storage format 1, got ${format}`)
      }
    },
  )

  it('is read as copies', () => {
    const bytes = encode(ratchetState, state)
    const read = decode(ratchetState, bytes)
    bytes.fill(0)
    expect(encode(ratchetState, read)).toEqual(encode(ratchetState, state))
  })
})
