// The limit of block encryption: libsodium's secretbox and the chain's HKDF on buffers that never change.
import { createRequire } from 'node:module'
import { nativeHkdf } from './native-hkdf.js'

const sodium = createRequire(import.meta.url)('sodium-native') as {
  crypto_secretbox_easy(boxed: Buffer, plain: Buffer, nonce: Buffer, key: Buffer): void
  crypto_secretbox_open_easy(plain: Buffer, boxed: Buffer, nonce: Buffer, key: Buffer): boolean
}

export interface FixedCipher {
  seal(block: Uint8Array): void
  open(block: Uint8Array): void
}

export function fixedCipher(): FixedCipher {
  const plain = Buffer.alloc(16384 - 16)
  const boxed = Buffer.alloc(16384)
  const key = Buffer.alloc(32, 1)
  const nonce = Buffer.alloc(24, 2)
  const chainKey = Buffer.alloc(32, 3)
  const info = Buffer.from('SimpleXSbChain')
  sodium.crypto_secretbox_easy(boxed, plain, nonce, key)
  const hkdf = () => nativeHkdf(chainKey, info)
  return {
    seal() {
      hkdf()
      sodium.crypto_secretbox_easy(boxed, plain, nonce, key)
    },
    open() {
      hkdf()
      if (!sodium.crypto_secretbox_open_easy(plain, boxed, nonce, key)) throw new Error('not opened')
    },
  }
}
