import { expect, it } from 'vitest'
import { chainKdf } from './kdf.js'
import { skipKeys } from './skip.js'
import type { RatchetState, SkippedKey } from './state.js'
import { connectedParties, parties } from './testing/party.js'

const { state } = connectedParties().initiator
const at = (receiveNumber: number): RatchetState => ({ ...state, receiveNumber })

function errorOf(received: number, until: number): string {
  const added: SkippedKey[] = []
  try {
    skipKeys(at(received), until, added)
    return 'none'
  } catch (error) {
    const { code, count } = error as { code: string; count?: number }
    expect(added).toEqual([])
    return count === undefined ? code : `${code} ${count}`
  }
}

it.each([
  [5, 3, 'RATCHET_EARLIER 1'],
  [5, 0, 'RATCHET_EARLIER 4'],
  [5, 4, 'A_DUPLICATE'],
  [5, 5, 'none'],
  [5, 517, 'none'],
  [5, 518, 'RATCHET_SKIPPED 514'],
  [5, 0xfffffffe, 'RATCHET_SKIPPED 4294967290'],
  // 32-bit numbers wrap.
  [1, 0xffffffff, 'RATCHET_EARLIER 1'],
  [0, 0xffffffff, 'A_DUPLICATE'],
  [0xfffffe00, 0xfffffe01, 'RATCHET_SKIPPED 2'],
])('next is %i, the message %i: %s', (received, until, expected) => {
  expect(errorOf(received, until)).toBe(expected)
})

it('keeps the keys of those before in their order, and moves the chain on', () => {
  const added: SkippedKey[] = []
  const next = skipKeys({ ...at(3), nextOrder: 40 }, 5, added)
  const first = chainKdf(state.receive?.chainKey ?? new Uint8Array(0))
  const second = chainKdf(first.chainKey)
  const headerKey = state.receive?.headerKey
  expect(added).toEqual([
    { order: 40, headerKey, messageNumber: 3, messageKey: first.messageKey, iv: first.messageIv },
    { order: 41, headerKey, messageNumber: 4, messageKey: second.messageKey, iv: second.messageIv },
  ])
  expect(next).toMatchObject({ receiveNumber: 5, nextOrder: 42, receive: { headerKey, chainKey: second.chainKey } })
})

it('does nothing before there is a receiving chain', () => {
  const { initiator } = parties()
  expect(skipKeys(initiator.state, 1000, [])).toBe(initiator.state)
})
