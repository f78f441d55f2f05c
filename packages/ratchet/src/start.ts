// Spec 10.3.4, 10.5.2, 10.5.3: how the ratchets of both sides begin.
import { sha256 } from '@smpkit/crypto'
import { type Agreement, agreeAsInitiator, agreeAsJoiner, dhSecret } from './agreement.js'
import { RatchetError } from './errors.js'
import type { KemParams } from './fields.js'
import { rootKdf } from './kdf.js'
import { createRatchetKeys, paramsOf, type RatchetKeys } from './keys.js'
import type { E2eParams, E2eProposedParams } from './params.js'
import { platformRandom, type RatchetRandom } from './random.js'
import { decapsulate, type KemEncapsulation } from './sntrup761.js'
import type { RatchetState } from './state.js'
import { type E2eVersion, e2eVersions, isE2eVersion, kemSince } from './versions.js'

export interface StartOptions {
  /** Of the connection: the own wish, and whether the agent's version has it. Version 2 never has it. */
  readonly pqSupport: boolean
  /** What our headers announce; 3 by default. */
  readonly maxVersion?: E2eVersion
}

/** The state has what is the same in both roles. */
function startOf(
  version: E2eVersion,
  { maxVersion = e2eVersions.max }: { maxVersion?: E2eVersion },
  { associatedData }: Agreement,
) {
  const numbers = { sendNumber: 0, receiveNumber: 0, previousCount: 0, nextOrder: 0 }
  return { version, maxVersion, associatedData, receive: null, receiveKem: false, ...numbers }
}

/** @throws RatchetError `VERSION` */
function checkedVersion(params: E2eParams): E2eVersion {
  const { version } = params
  if (isE2eVersion(version)) return version
  throw new RatchetError('VERSION', `expected e2e version ${e2eVersions.min} to ${e2eVersions.max}, got ${version}`)
}

/**
 * The joiner of an invitation, whose parameters have the version that `commonE2eVersion` gives. Makes the own parameters,
 * for the confirmation, and a ratchet that can send.
 * @throws RatchetError `VERSION`; `A_MESSAGE` for a key of low order
 */
export function startSending(
  peer: E2eProposedParams,
  options: StartOptions,
  random: RatchetRandom = platformRandom,
): { params: E2eParams; state: RatchetState } {
  const version = checkedVersion(peer)
  const keys = createRatchetKeys({ kem: options.pqSupport && version >= kemSince }, random)
  const params = paramsOf(keys, version)
  if (!peer.kem || !keys.kem) return { params, state: sendingState(keys, peer, null, options, random) }
  const encapsulation = random.encapsulate(peer.kem.key)
  const kem: KemParams = { type: 'accepted', ciphertext: encapsulation.ciphertext, key: keys.kem.publicKey }
  return { params: { ...params, kem }, state: sendingState(keys, peer, encapsulation, options, random) }
}

/**
 * The joiner's role in a re-synchronisation, where both sides have sent their parameters: no KEM secret is in the beginning.
 * @throws RatchetError `VERSION`; `A_MESSAGE` for a key of low order
 */
export function startSendingWith(
  keys: RatchetKeys,
  peer: E2eProposedParams,
  options: Omit<StartOptions, 'pqSupport'> = {},
  random: RatchetRandom = platformRandom,
): RatchetState {
  return sendingState(keys, peer, null, options, random)
}

function sendingState(
  keys: RatchetKeys,
  peer: E2eProposedParams,
  encapsulation: KemEncapsulation | null,
  options: { maxVersion?: E2eVersion },
  random: RatchetRandom,
): RatchetState {
  const version = checkedVersion(peer)
  const kemSecret = encapsulation?.sharedSecret ?? null
  const agreement = agreeAsJoiner(keys, peer, kemSecret)
  const dhKey = random.x448()
  const root = rootKdf(agreement.rootKey, dhSecret(dhKey, peer.key2), kemSecret)
  const kem = version >= kemSince ? keys.kem : null
  return {
    ...startOf(version, options, agreement),
    dhKey,
    dhPublicKey: dhKey.publicKey,
    kem: kem && { keys: kem, ciphertext: encapsulation?.ciphertext ?? null },
    supportKem: kem !== null,
    enableKem: kem !== null,
    sendKem: encapsulation !== null,
    rootKey: root.rootKey,
    send: { peerDhKey: peer.key2, chainKey: root.chainKey, headerKey: agreement.headerKey },
    nextSendHeaderKey: root.nextHeaderKey,
    nextReceiveHeaderKey: agreement.nextHeaderKey,
  }
}

/**
 * The initiator, with the keys of the invitation and the parameters of the confirmation, whose body is the first message to
 * decrypt; and the initiator's role in a re-synchronisation. Sends nothing before it has decrypted a message.
 * @throws RatchetError `VERSION`; `KEM_STATE` if the peer used a KEM key that these keys do not have; `A_MESSAGE` for a key
 * of low order
 */
export function startReceiving(keys: RatchetKeys, peer: E2eParams, options: StartOptions): RatchetState {
  const version = checkedVersion(peer)
  const accepted = peer.kem?.type === 'accepted' ? acceptedKem(keys, peer.kem.ciphertext) : null
  const agreement = agreeAsInitiator(keys, peer, accepted?.sharedSecret ?? null)
  const pqSupport = options.pqSupport && version >= kemSince
  return {
    ...startOf(version, options, agreement),
    dhKey: keys.key2,
    dhPublicKey: keys.key2.publicKey,
    kem: accepted?.kem ?? null,
    supportKem: pqSupport,
    enableKem: pqSupport,
    sendKem: false,
    rootKey: agreement.rootKey,
    send: null,
    nextSendHeaderKey: agreement.nextHeaderKey,
    nextReceiveHeaderKey: agreement.headerKey,
  }
}

function acceptedKem({ kem }: RatchetKeys, ciphertext: Uint8Array) {
  if (!kem) throw new RatchetError('KEM_STATE', 'expected no KEM ciphertext: no KEM key was offered')
  return {
    // A copy: the parameters are views into the confirmation.
    kem: { keys: kem, ciphertext: new Uint8Array(ciphertext) },
    sharedSecret: decapsulate(kem.secretKey, ciphertext),
  }
}

/** 32 bytes that users of both sides compare. Does not change until the ratchet is replaced. */
export function securityCode(state: RatchetState): Uint8Array {
  return sha256(state.associatedData)
}
