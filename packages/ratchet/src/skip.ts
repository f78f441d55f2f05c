// Spec 10.6.5, skipKeys: the keys of messages that come late, or never.
import { RatchetError } from './errors.js'
import { chainKdf } from './kdf.js'
import type { RatchetState, SkippedKey } from './state.js'

/** The most that one call skips, so that a peer cannot make us compute for long. */
export const maxSkipped = 512

/** As the reference's 32-bit numbers, which wrap. */
const word = (number: number) => number >>> 0

/**
 * Moves the receiving chain on to message `until`, and adds the keys of those before it to `added`.
 * @throws RatchetError `RATCHET_EARLIER`, `A_DUPLICATE`, `RATCHET_SKIPPED`; `added` is then as it was
 */
export function skipKeys(state: RatchetState, until: number, added: SkippedKey[]): RatchetState {
  const { receive, receiveNumber } = state
  if (!receive) return state
  checkNumber(receiveNumber, until)
  const { headerKey } = receive
  let { chainKey } = receive
  let order = state.nextOrder
  for (let messageNumber = receiveNumber; messageNumber < until; messageNumber++) {
    const keys = chainKdf(chainKey)
    chainKey = keys.chainKey
    added.push({ order, headerKey, messageNumber, messageKey: keys.messageKey, iv: keys.messageIv })
    order++
  }
  return { ...state, receive: { headerKey, chainKey }, receiveNumber: until, nextOrder: order }
}

function checkNumber(expected: number, until: number): void {
  if (expected > word(until + 1)) {
    const count = word(expected - until - 1)
    throw new RatchetError('RATCHET_EARLIER', `expected message ${expected}, got an earlier one by ${count}`, { count })
  }
  if (expected === word(until + 1))
    throw new RatchetError('A_DUPLICATE', 'expected a message that was not decrypted yet')
  if (word(expected + maxSkipped) < until) {
    const count = word(until + 1 - expected)
    throw new RatchetError('RATCHET_SKIPPED', `expected at most ${maxSkipped} skipped messages, got ${count}`, {
      count,
    })
  }
}
