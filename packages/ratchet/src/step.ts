// Spec 10.6.6, 10.7.2: the ratchet step, with which each change of direction begins.
import { dhSecret } from './agreement.js'
import { RatchetError } from './errors.js'
import type { KemParams } from './fields.js'
import { rootKdf } from './kdf.js'
import type { MessageHeader } from './message.js'
import type { RatchetRandom } from './random.js'
import { decapsulate } from './sntrup761.js'
import type { RatchetKem, RatchetState } from './state.js'
import { kemSince } from './versions.js'

interface KemStep {
  readonly receiveSecret: Uint8Array | null
  readonly sendSecret: Uint8Array | null
  readonly kem: RatchetKem | null
}

/** @throws RatchetError `KEM_STATE`; `A_MESSAGE` for a key of low order */
export function ratchetStep(state: RatchetState, header: MessageHeader, random: RatchetRandom): RatchetState {
  const { receiveSecret, sendSecret, kem } = kemStep(state, header.kem, random)
  const dhKey = random.x448()
  const received = rootKdf(state.rootKey, dhSecret(state.dhKey, header.dhKey), receiveSecret)
  const sent = rootKdf(received.rootKey, dhSecret(dhKey, header.dhKey), sendSecret)
  const [sendKem, receiveKem] = [sendSecret !== null, receiveSecret !== null]
  const enableKem = sendKem || receiveKem || kem !== null
  return {
    ...state,
    rootKey: sent.rootKey,
    dhKey,
    dhPublicKey: dhKey.publicKey,
    kem,
    send: { peerDhKey: header.dhKey, chainKey: sent.chainKey, headerKey: state.nextSendHeaderKey },
    receive: { chainKey: received.chainKey, headerKey: state.nextReceiveHeaderKey },
    nextSendHeaderKey: sent.nextHeaderKey,
    nextReceiveHeaderKey: received.nextHeaderKey,
    previousCount: state.sendNumber,
    sendNumber: 0,
    receiveNumber: 0,
    sendKem,
    receiveKem,
    enableKem,
    supportKem: state.supportKem || (state.version >= kemSince && enableKem),
  }
}

function kemStep(state: RatchetState, peer: KemParams | null, random: RatchetRandom): KemStep {
  const { kem } = state
  const wanted = state.enableKem && state.version >= kemSince
  if (!peer) {
    // Where we had proposed a key, the peer's silence turns the KEM off.
    const proposed = wanted && !kem ? { keys: random.kemKeyPair(), ciphertext: null } : null
    return { receiveSecret: null, sendSecret: null, kem: proposed }
  }
  const receiveSecret = peer.type === 'accepted' ? decapsulated(kem, peer.ciphertext) : null
  if (!wanted) return { receiveSecret, sendSecret: null, kem: null }
  const { ciphertext, sharedSecret } = random.encapsulate(peer.key)
  return { receiveSecret, sendSecret: sharedSecret, kem: { keys: random.kemKeyPair(), ciphertext } }
}

function decapsulated(kem: RatchetKem | null, ciphertext: Uint8Array): Uint8Array {
  if (!kem) throw new RatchetError('KEM_STATE', 'expected no KEM ciphertext: no KEM key was offered')
  return decapsulate(kem.keys.secretKey, ciphertext)
}
