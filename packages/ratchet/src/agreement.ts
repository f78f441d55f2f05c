// Spec 10.4: X3DH.
import { dh, KeyError, type PrivateKey, type PublicKey } from '@smpkit/crypto'
import { concat } from '@smpkit/encoding'
import { RatchetError } from './errors.js'
import { agreementKdf } from './kdf.js'

interface KeysOf<K> {
  readonly key1: K
  readonly key2: K
}

type OwnKeys = KeysOf<PrivateKey<'x448'>>
type PeerKeys = KeysOf<PublicKey<'x448'>>

/** What both sides agree on. */
export interface Agreement {
  /** From the joiner to the initiator, in the first chain. */
  readonly headerKey: Uint8Array
  /** From the initiator to the joiner. */
  readonly nextHeaderKey: Uint8Array
  readonly rootKey: Uint8Array
  readonly associatedData: Uint8Array
}

/** 56 bytes. @throws RatchetError `A_MESSAGE` */
export function dhSecret(privateKey: PrivateKey<'x448'>, publicKey: PublicKey<'x448'>): Uint8Array {
  try {
    return dh(privateKey, publicKey)
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause
    throw new RatchetError('A_MESSAGE', 'expected an X448 key of full order', { cause })
  }
}

/** @throws RatchetError `A_MESSAGE` for a key of low order */
export function agreeAsJoiner(own: OwnKeys, initiator: PeerKeys, kemSecret: Uint8Array | null): Agreement {
  return {
    ...agreementKdf(
      dhSecret(own.key2, initiator.key1),
      dhSecret(own.key1, initiator.key2),
      dhSecret(own.key2, initiator.key2),
      kemSecret,
    ),
    associatedData: concat(own.key1.publicKey.toRaw(), initiator.key1.toRaw()),
  }
}

/** @throws RatchetError `A_MESSAGE` for a key of low order */
export function agreeAsInitiator(own: OwnKeys, joiner: PeerKeys, kemSecret: Uint8Array | null): Agreement {
  return {
    ...agreementKdf(
      dhSecret(own.key1, joiner.key2),
      dhSecret(own.key2, joiner.key1),
      dhSecret(own.key2, joiner.key2),
      kemSecret,
    ),
    associatedData: concat(joiner.key1.toRaw(), own.key1.publicKey.toRaw()),
  }
}
