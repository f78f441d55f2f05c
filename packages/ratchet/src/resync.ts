// Spec 10.9: which side of a re-synchronisation begins.
import { sha256 } from '@smpkit/crypto'
import { concat } from '@smpkit/encoding'
import type { E2eParams } from './params.js'

/** 32 bytes: tells whether received keys were processed already, and decides the roles. */
export function ratchetKeyHash({ key1, key2 }: Pick<E2eParams, 'key1' | 'key2'>): Uint8Array {
  return sha256(concat(key1.toRaw(), key2.toRaw()))
}

/** The initiator takes `startReceiving` and waits, the joiner takes `startSendingWith` and sends. */
export function resyncRole(ownHash: Uint8Array, receivedHash: Uint8Array): 'initiator' | 'joiner' {
  for (let i = 0; i < ownHash.length; i++) {
    const difference = (ownHash[i] as number) - (receivedHash[i] as number)
    if (difference !== 0) return difference < 0 ? 'initiator' : 'joiner'
  }
  return 'initiator'
}
