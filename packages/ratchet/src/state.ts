// Spec 10.5: what each side of a connection keeps.
import type { PrivateKey, PublicKey } from '@smpkit/crypto'
import type { KemKeyPair } from './sntrup761.js'
import type { E2eVersion } from './versions.js'

/** Never changed: every function makes a new one. Keys have 32 bytes where their type does not say more. */
export interface RatchetState {
  /** Of what we encrypt. Only rises. */
  readonly version: E2eVersion
  /** What our headers announce. */
  readonly maxVersion: E2eVersion
  /** 112 bytes. */
  readonly associatedData: Uint8Array
  readonly dhKey: PrivateKey<'x448'>
  /** Of `dhKey`: to compute it again takes as long as a DH. */
  readonly dhPublicKey: PublicKey<'x448'>
  readonly kem: RatchetKem | null
  /** Whether headers have room for the KEM. Never goes back. */
  readonly supportKem: boolean
  /** The wish to use the KEM in the next ratchet step. */
  readonly enableKem: boolean
  /** Whether the current sending and receiving chains have a KEM secret in them. */
  readonly sendKem: boolean
  readonly receiveKem: boolean
  readonly rootKey: Uint8Array
  readonly send: SendChain | null
  readonly receive: ReceiveChain | null
  readonly nextSendHeaderKey: Uint8Array
  readonly nextReceiveHeaderKey: Uint8Array
  /** The number of the next message to send. */
  readonly sendNumber: number
  /** The number of the next message that was not received. */
  readonly receiveNumber: number
  /** Messages of the sending chain before this one. */
  readonly previousCount: number
  /** Of the next key of a skipped message. */
  readonly nextOrder: number
}

export interface RatchetKem {
  readonly keys: KemKeyPair
  /** To the peer's key; `null` as long as ours is only proposed. */
  readonly ciphertext: Uint8Array | null
}

export interface SendChain {
  readonly peerDhKey: PublicKey<'x448'>
  readonly chainKey: Uint8Array
  readonly headerKey: Uint8Array
}

export interface ReceiveChain {
  readonly chainKey: Uint8Array
  readonly headerKey: Uint8Array
}

/** The key of a message that did not come yet. */
export interface SkippedKey {
  /** Of its connection, and rising: the lowest is the oldest. */
  readonly order: number
  readonly headerKey: Uint8Array
  readonly messageNumber: number
  readonly messageKey: Uint8Array
  /** 16 bytes. */
  readonly iv: Uint8Array
}

/** What is left to encrypt a message's body with, once its header is. Serves one body only. */
export interface MessageKey {
  readonly version: E2eVersion
  readonly messageKey: Uint8Array
  /** 16 bytes. */
  readonly iv: Uint8Array
  readonly associatedData: Uint8Array
  /** 123 to 2346 bytes. */
  readonly encHeader: Uint8Array
}
