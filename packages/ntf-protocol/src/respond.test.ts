import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { toHex } from '@smpkit/encoding'
import { packBlock } from '@smpkit/smp-commands'
import { expect, test } from 'vitest'
import { maxNtfTransmissionLength, packResponses } from './batch.js'
import { receiveResponses } from './receive.js'
import { writeResponse } from './respond.js'
import type { NtfResponse } from './responses.js'
import { endsOf, versions } from './testing/values.js'
import { has, type NtfVersion, ntfVersions } from './versions.js'

const corrId = randomBytes(24)
const id = randomBytes(24)
const none = new Uint8Array(0)

/** What the client reads of a response. */
function read(version: NtfVersion, response: NtfResponse, entityId = id): NtfResponse {
  const { client, server } = endsOf(version)
  const transmission = writeResponse(server, { corrId, entityId, response })
  expect(transmission.length).toBeLessThanOrEqual(maxNtfTransmissionLength(version))
  expect(packResponses(version, [transmission])).toHaveLength(1)
  const [received] = receiveResponses(client, has(version, 'batching') ? packBlock([transmission]) : transmission)
  if (!received || 'error' in received) throw new Error('expected a response')
  return received.response
}

const store = (text: string): NtfResponse => ({ tag: 'ERR', error: { code: 'STORE', text } })

test('the text of STORE is cut to what fits: 430 bytes with an id, 454 without', () => {
  for (const [entityId, room] of [
    [id, 430],
    [none, 454],
  ] as const) {
    expect(read(ntfVersions.max, store('x'.repeat(room)), entityId)).toEqual(store('x'.repeat(room)))
    expect(read(ntfVersions.max, store('x'.repeat(room + 1)), entityId)).toEqual(store('x'.repeat(room)))
    expect(read(ntfVersions.max, store('x'.repeat(100_000)), entityId)).toEqual(store('x'.repeat(room)))
  }
})

test('no character is cut in two, and none that fits is lost', () => {
  for (const [character, bytes] of [
    ['ш', 2],
    ['€', 3],
    ['😀', 4],
  ] as const) {
    for (let before = 0; before < bytes; before++) {
      const start = 'x'.repeat(before)
      const fitting = Math.floor((430 - before) / bytes)
      expect(read(ntfVersions.max, store(start + character.repeat(300)))).toEqual(
        store(start + character.repeat(fitting)),
      )
    }
  }
})

test('the text of SUB ERR is cut to what fits', () => {
  const sub = (length: number): NtfResponse => ({
    tag: 'SUB',
    status: 'ERR',
    errorText: new Uint8Array(length).fill(0x61),
  })
  expect(read(ntfVersions.max, sub(432))).toEqual(sub(432))
  expect(read(ntfVersions.max, sub(433))).toEqual(sub(432))
  expect(read(ntfVersions.max, sub(70_000))).toEqual(sub(432))
  // There the session id is sent, and no count and length.
  expect(read(ntfVersions.min, sub(70_000))).toEqual(sub(418))
})

test.each(versions)('a client of version %i is told the reason only from 3 on', (version) => {
  const reason = has(version, 'invalidReason') ? 'UNREGISTERED' : null
  const told = read(version, { tag: 'TKN', status: 'INVALID', reason: 'UNREGISTERED' })
  expect(told).toEqual({ tag: 'TKN', status: 'INVALID', reason })
})

test('ids of a length that leaves no room for an answer give one that is not sent', () => {
  const { server } = endsOf(ntfVersions.max)
  const long = { corrId: new Uint8Array(255), entityId: new Uint8Array(255) }
  const answer = writeResponse(server, { ...long, response: store('') })
  const fitting = writeResponse(server, { corrId, entityId: id, response: { tag: 'OK' } })
  expect(packResponses(server.version, [answer, fitting]).map(toHex)).toEqual([toHex(packBlock([fitting]))])
})

test('the largest of the other responses fits with ids of usual length', () => {
  const dhKey = PrivateKey.generate('x25519').publicKey
  for (const version of versions) {
    expect(read(version, { tag: 'IDTKN', tokenId: id, dhKey }, none)).toMatchObject({ tag: 'IDTKN' })
  }
})
