import { PublicKey } from '@smpkit/crypto'
import { encode } from '@smpkit/encoding'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type Decrypted, decrypt, maxKeptKeys } from './decrypt.js'
import { encryptBody, encryptHeader } from './encrypt.js'
import { messageHeader } from './message.js'
import type { RatchetState } from './state.js'
import { forge, headerOf } from './testing/forge.js'
import { noRandom, pooledRandom } from './testing/kem-pool.js'
import { connectedParties, type Party, parties } from './testing/party.js'
import type { E2eVersion } from './versions.js'

const decryptAesGcm = vi.hoisted(() => vi.fn())
vi.mock('@smpkit/crypto', async (original) => {
  const crypto = await original<typeof import('@smpkit/crypto')>()
  decryptAesGcm.mockImplementation(crypto.decryptAesGcm)
  return { ...crypto, decryptAesGcm }
})

const body = new TextEncoder().encode('body')

/** An error that leaves the state and the skipped keys as they are, with no random value taken. */
function expectUncommitted(party: Party, message: Uint8Array, code: string, count?: number): void {
  const result = decrypt(party.state, party.skipped, message, noRandom)
  expect(result).toMatchObject({ committed: false, skipped: { added: [], removed: [] } })
  expect(result.state).toBe(party.state)
  expect(result).toHaveProperty('error', expect.objectContaining({ name: 'RatchetError', code, count }))
}

function expectCommitted(result: Decrypted, code: string, count?: number): void {
  expect(result).toHaveProperty('error', expect.objectContaining({ name: 'RatchetError', code, count }))
  expect(result).toHaveProperty('committed', true)
}

let joiner: Party
let initiator: Party
beforeEach(() => {
  ;({ joiner, initiator } = connectedParties())
})

describe('bytes that are no message', () => {
  it('every cut of a message is refused, and leaves the state until its header is whole', () => {
    const message = joiner.send(body)
    const headerEnd = 2 + 124 + 16
    for (let length = 0; length < message.length; length++) {
      const cut = message.subarray(0, length)
      if (length < headerEnd) expectUncommitted(initiator, cut, 'A_MESSAGE')
      else expect(decrypt(initiator.state, [], cut, pooledRandom)).toHaveProperty('error.code', 'DECRYPT_AES')
    }
  })

  it('random bytes are refused, and leave the state', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const result = decrypt(initiator.state, initiator.skipped, bytes, noRandom)
        expect(result).toMatchObject({ committed: false, skipped: { added: [], removed: [] } })
        expect(['A_MESSAGE', 'RATCHET_HEADER']).toContain('error' in result && result.error.code)
      }),
    )
  })

  it('every changed bit is refused', () => {
    const message = joiner.send(body)
    fc.assert(
      fc.property(fc.nat(message.length - 1), fc.nat(7), (at, bit) => {
        const changed = message.slice()
        changed[at] = (changed[at] as number) ^ (1 << bit)
        expect(decrypt(initiator.state, [], changed, pooledRandom)).not.toHaveProperty('plaintext')
      }),
    )
  })

  it('a header with something after its ciphertext is refused', () => {
    const message = joiner.send(body)
    const longer = Uint8Array.of(0, 125, ...message.subarray(2, 126), 7, ...message.subarray(126))
    expectUncommitted(initiator, longer, 'A_MESSAGE')
  })
})

describe('lengths', () => {
  it('are read in either form, whatever the version is', () => {
    const message = joiner.send(body)
    expect(decrypt(initiator.state, [], message.subarray(1), pooledRandom)).toHaveProperty('plaintext', body)
  })
})

describe('a header of the right key', () => {
  it('is read when something follows its last field', () => {
    const header = encode(messageHeader(3), headerOf(joiner.state))
    const message = forge(joiner.state, { headerBytes: Uint8Array.of(...header, 1, 2, 3) })
    expect(decrypt(initiator.state, [], message, pooledRandom)).toHaveProperty('plaintext', new Uint8Array(3))
  })

  it('is A_MESSAGE where it cannot be read, also for the version that it is of', () => {
    const header = encode(messageHeader(3), headerOf(joiner.state))
    for (let length = 0; length < header.length; length++) {
      expectUncommitted(initiator, forge(joiner.state, { headerBytes: header.subarray(0, length) }), 'A_MESSAGE')
    }
    const second = encode(messageHeader(2), headerOf(joiner.state))
    expectUncommitted(initiator, forge(joiner.state, { headerBytes: second, version: 3 }), 'A_MESSAGE')
  })

  it('is A_MESSAGE with a key of another curve or of low order', () => {
    const header = encode(messageHeader(3), headerOf(joiner.state))
    const x25519 = PublicKey.fromRaw('x25519', new Uint8Array(32).fill(9)).toDer()
    const other = Uint8Array.of(...header.subarray(0, 2), x25519.length, ...x25519, ...header.subarray(71))
    expectUncommitted(initiator, forge(joiner.state, { headerBytes: other }), 'A_MESSAGE')
    const dhKey = PublicKey.fromRaw('x448', new Uint8Array(56))
    const low = decrypt(initiator.state, [], forge(joiner.state, { header: { dhKey } }), pooledRandom)
    expect(low).toMatchObject({ committed: false, error: { code: 'A_MESSAGE' } })
    expect(low.state).toBe(initiator.state)
  })

  it('is of no key where its padding is none', () => {
    const paddedHeader = new Uint8Array(88).fill(0xff)
    expectUncommitted(initiator, forge(joiner.state, { paddedHeader }), 'RATCHET_HEADER')
    expectUncommitted(initiator, forge(joiner.state, { paddedHeader: new Uint8Array(0) }), 'RATCHET_HEADER')
  })
})

describe('the body', () => {
  it('uses up its key when it does not decrypt', () => {
    const message = joiner.send(body)
    const changed = message.slice()
    changed[message.length - 1] = (changed[message.length - 1] as number) ^ 1
    expectCommitted(initiator.receive(changed), 'DECRYPT_AES')
    expectCommitted(initiator.receive(message), 'A_DUPLICATE')
    expect(initiator.receive(joiner.send(body))).toHaveProperty('plaintext', body)
  })

  it('uses up its key when its padding is none', () => {
    const message = forge(joiner.state, { paddedBody: Uint8Array.of(0, 3, 1, 2) })
    expectCommitted(initiator.receive(message), 'PADDING')
    expectCommitted(initiator.receive(message), 'A_DUPLICATE')
    expectCommitted(
      initiator.receive(forge(encryptHeader(joiner.state).state, { paddedBody: new Uint8Array(1) })),
      'PADDING',
    )
  })

  it('uses up its skipped key, too', () => {
    const late = joiner.send(body)
    initiator.receive(joiner.send(body))
    expect(initiator.skipped.length).toBe(1)
    const changed = late.slice()
    changed[late.length - 1] = (changed[late.length - 1] as number) ^ 1
    const before = initiator.state
    const result = initiator.receive(changed)
    expectCommitted(result, 'DECRYPT_AES')
    expect(result.skipped).toEqual({ added: [], removed: [0] })
    expect(initiator.state).toEqual(before)
    expectCommitted(initiator.receive(late), 'RATCHET_EARLIER', 1)
  })
})

describe('message numbers', () => {
  it('of a message that came before are A_DUPLICATE or RATCHET_EARLIER', () => {
    const messages = [joiner.send(body), joiner.send(body), joiner.send(body)] as const
    for (const message of messages) initiator.receive(message)
    expectCommitted(initiator.receive(messages[2]), 'A_DUPLICATE')
    expectCommitted(initiator.receive(messages[1]), 'RATCHET_EARLIER', 1)
    expectCommitted(initiator.receive(messages[0]), 'RATCHET_EARLIER', 2)
  })

  it('wrap as 32-bit numbers do', () => {
    initiator.receive(joiner.send(body))
    const message = forge(joiner.state, { header: { ns: 0xffffffff } })
    expectCommitted(initiator.receive(message), 'RATCHET_EARLIER', 1)
  })

  it('are refused beyond 512 skipped messages, and the message is read once fewer are missing', () => {
    initiator.receive(joiner.send(body))
    const [within, beyond] = [513, 514].map((count) => skipTo(joiner.state, count).message) as [Uint8Array, Uint8Array]
    expectCommitted(initiator.receive(beyond), 'RATCHET_SKIPPED', 514)
    expect(initiator.skipped).toEqual([])
    expect(initiator.receive(within)).toHaveProperty('plaintext', body)
    expect(initiator.skipped.length).toBe(512)
    expect(initiator.receive(beyond)).toHaveProperty('plaintext', body)
  })

  it('of a new chain leave everything as it was where the old chain would skip too many, or has more messages', () => {
    expectUncommitted(initiator, forge(joiner.state, { header: { pn: 514 } }), 'RATCHET_SKIPPED', 514)
    expectUncommitted(initiator, forge(joiner.state, { header: { pn: 0 } }), 'A_DUPLICATE')
    expectUncommitted(initiator, forge(joiner.state, { header: { pn: 0xffffffff } }), 'RATCHET_EARLIER', 1)
  })

  it('of a new chain that would skip too many leave the step of the ratchet, and the keys of the old chain', () => {
    const before = initiator.state
    const result = initiator.receive(forge(joiner.state, { header: { pn: 3, ns: 513 } }))
    expectCommitted(result, 'RATCHET_SKIPPED', 514)
    expect(result.skipped.added.map(({ messageNumber }) => messageNumber)).toEqual([1, 2])
    expect(result.state.rootKey).not.toEqual(before.rootKey)
    expect(result.state.receiveNumber).toBe(0)
    expect(initiator.receive(joiner.send(body))).toHaveProperty('plaintext', body)
  })
})

describe('skipped keys', () => {
  it('have rising orders, are used once, and in any order', () => {
    const messages = Array.from({ length: 5 }, () => joiner.send(body))
    const [first, second, third, fourth, fifth] = messages as [Uint8Array, ...Uint8Array[]]
    initiator.receive(third as Uint8Array)
    initiator.receive(fifth as Uint8Array)
    expect(initiator.skipped.map(({ order, messageNumber }) => [order, messageNumber])).toEqual([
      [0, 0],
      [1, 1],
      [2, 3],
    ])
    for (const late of [fourth, first, second])
      expect(initiator.receive(late as Uint8Array)).toHaveProperty('plaintext')
    expect(initiator.skipped).toEqual([])
    expectCommitted(initiator.receive(first), 'RATCHET_EARLIER', 4)
  })

  it('of earlier chains are kept, and unknown messages of those are RATCHET_HEADER', () => {
    const [lost, late, read] = [joiner.send(body), joiner.send(body), joiner.send(body)]
    initiator.receive(read)
    joiner.receive(initiator.send(body))
    initiator.receive(joiner.send(body))
    expect(initiator.receive(late)).toHaveProperty('plaintext', body)
    expectUncommitted(initiator, read, 'RATCHET_HEADER')
    expect(initiator.receive(lost)).toHaveProperty('plaintext', body)
    expectUncommitted(initiator, lost, 'RATCHET_HEADER')
  })

  it('are at most 4096, the oldest go first', () => {
    let { state } = joiner
    for (let i = 0; i < maxKeptKeys / 512; i++) {
      const skipped = skipTo(state, 513)
      expect(initiator.receive(skipped.message)).toHaveProperty('plaintext')
      state = skipped.state
    }
    expect(initiator.skipped.length).toBe(maxKeptKeys)
    const { message } = skipTo(state, 4)
    // Also where they are not given in their order.
    const shuffled = [...initiator.skipped].reverse()
    const result = decrypt(initiator.state, shuffled, message, noRandom)
    expect(result.skipped.added.map(({ order }) => order)).toEqual([4096, 4097, 4098])
    expect(result.skipped.removed).toEqual([0, 1, 2])
  })

  it('cost one decryption of the header for each chain, however many there are', () => {
    for (let chain = 0; chain < 3; chain++) {
      const { state, message } = skipTo(joiner.state, 50)
      joiner.state = state
      initiator.receive(message)
      joiner.receive(initiator.send(body))
    }
    expect(initiator.skipped.length).toBe(3 * 49)
    const stranger = connectedParties().joiner.send(body)
    decryptAesGcm.mockClear()
    expectUncommitted(initiator, stranger, 'RATCHET_HEADER')
    // The current chain is the third of those with skipped messages; the next one is tried, too.
    expect(decryptAesGcm).toHaveBeenCalledTimes(4)
  })
})

describe('the version', () => {
  it('rises to what both announce, and stays', () => {
    const second = parties({ version: 2 })
    const first = second.joiner.send(body)
    expect(first.subarray(0, 3)).toEqual(Uint8Array.of(123, 0, 2))
    second.initiator.receive(first)
    expect(second.initiator.state.version).toBe(3)
    const answer = second.initiator.send(body)
    expect(answer.subarray(0, 4)).toEqual(Uint8Array.of(0, 124, 0, 3))
    second.joiner.receive(answer)
    expect(second.joiner.state.version).toBe(3)
    second.initiator.receive(forge(second.joiner.state, { header: { maxVersion: 0 } }))
    expect(second.initiator.state.version).toBe(3)
  })

  it('does not rise where one side announces 2, or beyond ours', () => {
    const maxVersion = 2 as E2eVersion
    const second = parties({ version: 2 })
    second.initiator.receive(second.joiner.send(body, { maxVersion }))
    expect(second.initiator.state.version).toBe(2)
    initiator.receive(forge(joiner.state, { header: { maxVersion: 65535 } }))
    expect(initiator.state.version).toBe(3)
  })

  it('that was changed on the way spoils the header or the body', () => {
    const changedTo = (version: number) => {
      const message = joiner.send(body)
      message[3] = version
      return message
    }
    // Version 2 takes the byte of the absent KEM for the first one of a number.
    expectUncommitted(initiator, changedTo(2), 'RATCHET_SKIPPED', 0x30000000)
    expectCommitted(initiator.receive(changedTo(4)), 'DECRYPT_AES')
  })
})

describe('the KEM', () => {
  const ciphertext = pooledRandom.encapsulate(pooledRandom.kemKeyPair().publicKey).ciphertext
  const accepted = { type: 'accepted', ciphertext, key: pooledRandom.kemKeyPair().publicKey } as const

  it('is refused where no key was offered, also where it is not wanted', () => {
    expectUncommitted(initiator, forge(joiner.state, { header: { kem: accepted, pn: 3 } }), 'KEM_STATE')
    const { joiner: other, initiator: wanting } = parties({ pqSupport: { joiner: false, initiator: true } })
    expect(wanting.state).toMatchObject({ enableKem: true, kem: null })
    expectUncommitted(wanting, forge(other.state, { header: { kem: accepted } }), 'KEM_STATE')
  })

  it('gives an error of the body where the ciphertext is of another key', () => {
    const both = connectedParties({ kem: true })
    expectCommitted(both.initiator.receive(forge(both.joiner.state, { header: { kem: accepted } })), 'DECRYPT_AES')
  })

  it('that is turned off before the peer has a message of the chain needs the first one to come first', () => {
    const both = connectedParties({ kem: true })
    const first = both.joiner.send(body, { pq: false })
    const second = both.joiner.send(body)
    const diverged = decrypt(both.initiator.state, [], second, pooledRandom)
    expectCommitted(diverged, 'DECRYPT_AES')
    expect(both.initiator.receive(first)).toHaveProperty('plaintext', body)
    expect(both.initiator.receive(second)).toHaveProperty('plaintext', body)
  })
})

/** The last of `count` messages, of which the others are lost, and the state after it. */
function skipTo(start: RatchetState, count: number): { state: RatchetState; message: Uint8Array } {
  let { state, key } = encryptHeader(start)
  for (let i = 1; i < count; i++) ({ state, key } = encryptHeader(state))
  return { state, message: encryptBody(key, body, 20) }
}
