// Spec 02 §1: XSalsa20-Poly1305 without native code, for the portable build and for Node without sodium-native.
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js'
import type { Platform } from './platform.js'

export const nobleSecretbox: Pick<Platform, 'secretboxSeal' | 'secretboxOpen'> = {
  secretboxSeal(key, nonce, block) {
    block.set(xsalsa20poly1305(key, nonce).encrypt(block.subarray(16)))
  },
  secretboxOpen(key, nonce, block) {
    try {
      block.set(xsalsa20poly1305(key, nonce).decrypt(block), 16)
      return true
    } catch {
      return false
    }
  },
}
