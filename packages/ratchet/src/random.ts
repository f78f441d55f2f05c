// Spec 10.6.6, 10.7.2: what a ratchet needs of chance.
import { PrivateKey } from '@smpkit/crypto'
import { encapsulate, generateKemKeyPair, type KemEncapsulation, type KemKeyPair } from './sntrup761.js'

/** Where new keys come from; a replay of a recorded session gives its own. */
export interface RatchetRandom {
  x448(): PrivateKey<'x448'>
  kemKeyPair(): KemKeyPair
  encapsulate(publicKey: Uint8Array): KemEncapsulation
}

/** By the platform's generator for cryptography. */
export const platformRandom: RatchetRandom = {
  x448: () => PrivateKey.generate('x448'),
  kemKeyPair: () => generateKemKeyPair(),
  encapsulate: (publicKey) => encapsulate(publicKey),
}
