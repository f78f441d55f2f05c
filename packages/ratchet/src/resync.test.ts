import { sha256 } from '@smpkit/crypto'
import { describe, expect, it } from 'vitest'
import { createRatchetKeys, paramsOf } from './keys.js'
import { ratchetKeyHash, resyncRole } from './resync.js'
import { startReceiving, startSendingWith } from './start.js'
import { noRandom, pooledRandom } from './testing/kem-pool.js'
import { Party } from './testing/party.js'

const hash = (first: number, last = 0) => Uint8Array.of(first, ...new Uint8Array(30), last)
const body = new TextEncoder().encode('body')

it('the hash is of both raw keys', () => {
  const params = paramsOf(createRatchetKeys({ kem: true }, pooledRandom), 3)
  const both = Uint8Array.of(...params.key1.toRaw(), ...params.key2.toRaw())
  expect(ratchetKeyHash(params)).toEqual(sha256(both))
})

it.each([
  [hash(1), hash(2), 'initiator'],
  [hash(2), hash(1), 'joiner'],
  [hash(0x7f), hash(0x80), 'initiator'],
  [hash(0xff), hash(0x7f), 'joiner'],
  [hash(1, 1), hash(1, 2), 'initiator'],
  [hash(1, 2), hash(1, 1), 'joiner'],
  [hash(1), hash(1), 'initiator'],
] as const)('the lower hash is the initiator (case %#)', (own, received, role) => {
  expect(resyncRole(own, received)).toBe(role)
})

describe.each([
  { version: 2, kem: false },
  { version: 3, kem: false },
  { version: 3, kem: true },
])('both sides with keys of their own, version $version, KEM $kem', ({ version, kem }) => {
  it('take different roles, and can write', () => {
    const keys = [0, 1].map(() => createRatchetKeys({ kem }, pooledRandom))
    const sides = keys.map((own, i) => {
      const peer = paramsOf(keys[1 - i] ?? own, version)
      const role = resyncRole(ratchetKeyHash(paramsOf(own, version)), ratchetKeyHash(peer))
      const x448 = { ...noRandom, x448: pooledRandom.x448 }
      const state =
        role === 'joiner' ? startSendingWith(own, peer, {}, x448) : startReceiving(own, peer, { pqSupport: kem })
      return { role, party: new Party(state) }
    })
    expect(sides.map(({ role }) => role).sort()).toEqual(['initiator', 'joiner'])
    const joiner = sides.find(({ role }) => role === 'joiner')?.party
    const initiator = sides.find(({ role }) => role === 'initiator')?.party
    // The joiner's KEM key is offered again in its headers: two answers later both chains have secrets.
    for (let i = 0; i < 2; i++) {
      expect(initiator?.receive(joiner?.send(body) ?? body)).toHaveProperty('plaintext', body)
      expect(joiner?.receive(initiator?.send(body) ?? body)).toHaveProperty('plaintext', body)
    }
    expect(initiator?.state).toMatchObject({ sendKem: kem, receiveKem: kem })
    expect(joiner?.state).toMatchObject({ sendKem: kem, receiveKem: kem })
  })
})
