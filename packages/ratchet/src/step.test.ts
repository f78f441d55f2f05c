import { describe, expect, it } from 'vitest'
import type { KemParams } from './fields.js'
import type { RatchetState } from './state.js'
import { ratchetStep } from './step.js'
import { headerOf } from './testing/forge.js'
import { noRandom, pooledRandom } from './testing/kem-pool.js'
import { connectedParties } from './testing/party.js'

const ours = pooledRandom.kemKeyPair()
const own = { keys: ours, ciphertext: null }
const peer = pooledRandom.kemKeyPair()
const proposed: KemParams = { type: 'proposed', key: peer.publicKey }
const { ciphertext } = pooledRandom.encapsulate(ours.publicKey)
const accepted: KemParams = { type: 'accepted', ciphertext, key: peer.publicKey }

const { joiner, initiator } = connectedParties()

/** The table of 10.7.2, and what 10.6.6 makes of it. */
const rows: {
  header: KemParams | null
  wanted: boolean
  has: RatchetState['kem']
  becomes: 'none' | 'proposed' | 'accepted'
  receiveKem: boolean
  sendKem: boolean
}[] = [
  { header: null, wanted: true, has: null, becomes: 'proposed', receiveKem: false, sendKem: false },
  { header: null, wanted: true, has: own, becomes: 'none', receiveKem: false, sendKem: false },
  { header: null, wanted: false, has: null, becomes: 'none', receiveKem: false, sendKem: false },
  { header: null, wanted: false, has: own, becomes: 'none', receiveKem: false, sendKem: false },
  { header: proposed, wanted: true, has: null, becomes: 'accepted', receiveKem: false, sendKem: true },
  { header: proposed, wanted: true, has: own, becomes: 'accepted', receiveKem: false, sendKem: true },
  { header: proposed, wanted: false, has: null, becomes: 'none', receiveKem: false, sendKem: false },
  { header: proposed, wanted: false, has: own, becomes: 'none', receiveKem: false, sendKem: false },
  { header: accepted, wanted: true, has: own, becomes: 'accepted', receiveKem: true, sendKem: true },
  { header: accepted, wanted: false, has: own, becomes: 'none', receiveKem: true, sendKem: false },
]

describe.each([3, 2] as const)('a ratchet step of version %i', (version) => {
  it.each(rows)('with header $header.type, wanted $wanted, own key $has.ciphertext', (row) => {
    const state = { ...initiator.state, version, enableKem: row.wanted, kem: row.has } as RatchetState
    const header = headerOf(joiner.state, { kem: row.header })
    // Before version 3 nothing of the KEM is wanted.
    const takesPart = row.wanted && version === 3
    const quiet = { ...noRandom, x448: pooledRandom.x448 }
    const next = ratchetStep(state, header, takesPart && row.becomes !== 'none' ? pooledRandom : quiet)
    const becomes = takesPart ? row.becomes : 'none'
    expect(next.kem ? (next.kem.ciphertext ? 'accepted' : 'proposed') : 'none').toBe(becomes)
    expect(next.sendKem).toBe(takesPart && row.sendKem)
    expect(next.receiveKem).toBe(row.receiveKem)
    const enableKem = becomes !== 'none' || row.receiveKem
    expect(next.enableKem).toBe(enableKem)
    expect(next.supportKem).toBe(version === 3 && enableKem)
  })

  it.each([true, false])('refuses a ciphertext without an own key, wanted %s', (enableKem) => {
    const state = { ...initiator.state, version, enableKem, kem: null } as RatchetState
    const step = () => ratchetStep(state, headerOf(joiner.state, { kem: accepted }), noRandom)
    expect(step).toThrow(expect.objectContaining({ name: 'RatchetError', code: 'KEM_STATE' }))
  })
})

it('a ratchet step moves the header keys on and takes the number of sent messages along', () => {
  const { state } = initiator
  const next = ratchetStep({ ...state, sendNumber: 7 }, headerOf(joiner.state), pooledRandom)
  expect(next).toMatchObject({ sendNumber: 0, receiveNumber: 0, previousCount: 7 })
  expect(next.send?.headerKey).toBe(state.nextSendHeaderKey)
  expect(next.receive?.headerKey).toBe(state.nextReceiveHeaderKey)
  expect(next.dhPublicKey.equals(next.dhKey.publicKey)).toBe(true)
  expect(next.dhPublicKey.equals(state.dhPublicKey)).toBe(false)
})

it('room for the KEM in headers stays', () => {
  const state = { ...initiator.state, supportKem: true }
  expect(ratchetStep(state, headerOf(joiner.state), pooledRandom)).toMatchObject({ supportKem: true, enableKem: false })
})
