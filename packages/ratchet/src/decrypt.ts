// Spec 10.6.5: receiving.
import { CryptoError, constantTimeEqual, decryptAesGcm } from '@smpkit/crypto'
import { concat, DecodeError, decode, Reader, unpad } from '@smpkit/encoding'
import { RatchetError } from './errors.js'
import { chainKdf } from './kdf.js'
import { encryptedHeader, type MessageHeader, messageHeader, splitMessage } from './message.js'
import { platformRandom, type RatchetRandom } from './random.js'
import { skipKeys } from './skip.js'
import type { RatchetState, SkippedKey } from './state.js'
import { ratchetStep } from './step.js'
import type { E2eVersion } from './versions.js'

/** The most keys of skipped messages that a connection keeps. */
export const maxKeptKeys = 4096

export interface SkippedChanges {
  readonly added: readonly SkippedKey[]
  /** Their `order`: the key that was used, or the oldest of too many. */
  readonly removed: readonly number[]
}

/** `state` and `skipped` must be stored together, before the message is acknowledged. */
export type Decrypted =
  | { readonly plaintext: Uint8Array; readonly state: RatchetState; readonly skipped: SkippedChanges }
  | {
      readonly error: RatchetError
      /** Whether there is something to store all the same; otherwise `state` is that of before. */
      readonly committed: boolean
      readonly state: RatchetState
      readonly skipped: SkippedChanges
    }

const noChanges: SkippedChanges = { added: [], removed: [] }

interface Parts {
  readonly version: number
  /** As it was received: the body's tag is over these bytes. */
  readonly encHeader: Uint8Array
  readonly header: { readonly iv: Uint8Array; readonly tag: Uint8Array; readonly ciphertext: Uint8Array }
  readonly body: { readonly tag: Uint8Array; readonly ciphertext: Uint8Array }
}

/** Which key a header was encrypted with: that of the receiving chain, the one that starts the next chain, or an older one. */
interface OpenedHeader {
  readonly by: 'current' | 'next' | 'skipped'
  readonly headerKey: Uint8Array
  readonly header: MessageHeader
}

/**
 * Decrypts one message. `skipped` are the stored keys of the connection, oldest first. The plaintext is a view into a new array
 * of the padded length. What the peer can do wrong is in the answer, nothing is thrown.
 *
 * Errors and what they leave: with `committed`, the key of the message is used up, and the same message again is
 * `A_DUPLICATE` or `RATCHET_EARLIER`.
 */
export function decrypt(
  state: RatchetState,
  skipped: readonly SkippedKey[],
  message: Uint8Array,
  random: RatchetRandom = platformRandom,
): Decrypted {
  const added: SkippedKey[] = []
  /** What is stored if the next part fails; `undefined` for nothing. */
  let kept: { state: RatchetState; removed: readonly number[] } | undefined
  try {
    const parts = parse(message)
    const { by, headerKey, header } = openHeader(state, skipped, parts)
    const stored = skipped.find((key) => key.messageNumber === header.ns && constantTimeEqual(key.headerKey, headerKey))
    if (stored) {
      kept = { state, removed: [stored.order] }
      const plaintext = openBody(state, stored.messageKey, stored.iv, parts)
      return { plaintext, state, skipped: { added, removed: kept.removed } }
    }
    if (by === 'skipped') throw new RatchetError('RATCHET_HEADER', 'expected a message whose key is kept')
    let next = upgrade(state, header.maxVersion)
    if (by === 'next') next = ratchetStep(skipKeys(next, header.pn, added), header, random)
    kept = { state: next, removed: tooMany(skipped, added) }
    next = skipKeys(next, header.ns, added)
    const taken = takeKey(next)
    kept = { state: taken.state, removed: tooMany(skipped, added) }
    const plaintext = openBody(state, taken.messageKey, taken.messageIv, parts)
    return { plaintext, state: taken.state, skipped: { added, removed: kept.removed } }
  } catch (error) {
    if (!(error instanceof RatchetError)) throw error
    return kept
      ? { error, committed: true, state: kept.state, skipped: { added, removed: kept.removed } }
      : { error, committed: false, state, skipped: noChanges }
  }
}

function parse(message: Uint8Array): Parts {
  try {
    const { encHeader, ...body } = splitMessage(message)
    const { version, ...header } = decode(encryptedHeader, encHeader)
    return { version, encHeader, header, body }
  } catch (cause) {
    throw unreadable('a ratchet message', cause)
  }
}

function unreadable(expected: string, cause: unknown): unknown {
  return cause instanceof DecodeError ? new RatchetError('A_MESSAGE', `expected ${expected}`, { cause }) : cause
}

/**
 * The keys of the receiving chain first: most messages are of it. The reference begins with the skipped ones, which gives the
 * same, as a header fits one key.
 */
function openHeader(state: RatchetState, skipped: readonly SkippedKey[], parts: Parts): OpenedHeader {
  const { receive, nextReceiveHeaderKey } = state
  let header = receive && tryHeader(state, receive.headerKey, parts)
  if (receive && header) return { by: 'current', headerKey: receive.headerKey, header }
  header = tryHeader(state, nextReceiveHeaderKey, parts)
  if (header) return { by: 'next', headerKey: nextReceiveHeaderKey, header }
  // Keys of one chain follow one another: each header key is tried once.
  let tried = nextReceiveHeaderKey
  for (const { headerKey } of skipped) {
    if (isSame(headerKey, tried) || (receive && isSame(headerKey, receive.headerKey))) continue
    tried = headerKey
    header = tryHeader(state, headerKey, parts)
    if (header) return { by: 'skipped', headerKey, header }
  }
  throw new RatchetError('RATCHET_HEADER', 'expected a header encrypted with a key of this connection')
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || constantTimeEqual(a, b)
}

/** `null` if the header is not of this key. @throws RatchetError `A_MESSAGE` if it is, but cannot be read */
function tryHeader({ associatedData }: RatchetState, headerKey: Uint8Array, parts: Parts): MessageHeader | null {
  const { iv, tag, ciphertext } = parts.header
  let bytes: Uint8Array
  try {
    bytes = unpad(decryptAesGcm(headerKey, iv, associatedData, tag, ciphertext))
  } catch (error) {
    if (error instanceof DecodeError || error instanceof CryptoError) return null
    throw error
  }
  try {
    // What follows the last field is left for later versions.
    return messageHeader(parts.version).read(new Reader(bytes))
  } catch (cause) {
    throw unreadable('a message header', cause)
  }
}

/** The peer announced a higher version that we speak, too. */
function upgrade(state: RatchetState, theirMax: number): RatchetState {
  const version = Math.max(state.version, Math.min(theirMax, state.maxVersion)) as E2eVersion
  return version === state.version ? state : { ...state, version }
}

/** The key of the message that the receiving chain stands at. */
function takeKey(state: RatchetState) {
  const { receive, receiveNumber } = state
  if (!receive) throw new Error('expected a receiving chain after a header of its key')
  const { chainKey, messageKey, messageIv } = chainKdf(receive.chainKey)
  return {
    state: { ...state, receive: { ...receive, chainKey }, receiveNumber: (receiveNumber + 1) >>> 0 },
    messageKey,
    messageIv,
  }
}

/** @throws RatchetError `DECRYPT_AES`, `PADDING` */
function openBody({ associatedData }: RatchetState, key: Uint8Array, iv: Uint8Array, parts: Parts): Uint8Array {
  const { tag, ciphertext } = parts.body
  let padded: Uint8Array
  try {
    padded = decryptAesGcm(key, iv, concat(associatedData, parts.encHeader), tag, ciphertext)
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    throw new RatchetError('DECRYPT_AES', 'expected a body encrypted with the key of its header', { cause })
  }
  try {
    return unpad(padded)
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause
    throw new RatchetError('PADDING', 'expected a padded body', { cause })
  }
}

/** The oldest of more keys than are kept. */
function tooMany(skipped: readonly SkippedKey[], added: readonly SkippedKey[]): number[] {
  const excess = skipped.length + added.length - maxKeptKeys
  if (excess <= 0) return []
  const orders = skipped.map(({ order }) => order).sort((a, b) => a - b)
  return orders.slice(0, excess)
}
