// Spec 02 §1: the primitives in portable JavaScript.
import { gcm } from '@noble/ciphers/aes.js'
import { ed448, x448 } from '@noble/curves/ed448.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { md5 } from '@noble/hashes/legacy.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { sha3_256, sha3_384 } from '@noble/hashes/sha3.js'
import { concat } from '@smpkit/encoding'
import type { Handle, Platform } from './platform.js'
import { nobleSecretbox } from './secretbox-noble.js'

const curves = { ed25519, ed448, x25519, x448 }

/** The most that `getRandomValues` gives at once. */
const randomLimit = 65536

/** Here a handle is the raw key itself. */
const raw = (handle: Handle) => handle as Uint8Array

export const platform: Platform = {
  randomBytes(length) {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += randomLimit) {
      globalThis.crypto.getRandomValues(bytes.subarray(at, at + randomLimit))
    }
    return bytes
  },
  constantTimeEqual(a, b) {
    if (a.length !== b.length) return false
    let difference = 0
    for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number)
    return difference === 0
  },
  md5: (data) => md5(data),
  sha256: (data) => sha256(data),
  sha512: (data) => sha512(data),
  sha3_256: (data) => sha3_256(data),
  sha3_384: (data) => sha3_384(data),
  hmacSha512: (key, data) => hmac(sha512, key, data),
  hkdfSha512: (salt, inputKey, info, length) => hkdf(sha512, inputKey, salt, info, length),
  privateHandle: (_, key) => key,
  publicHandle: (_, key) => key,
  publicRaw: (algorithm, key) => curves[algorithm].getPublicKey(raw(key)),
  sign: (algorithm, key, message) => curves[algorithm].sign(message, raw(key)),
  verify(algorithm, key, message, signature) {
    return curves[algorithm].verify(signature, message, raw(key), { zip215: false })
  },
  dh(algorithm, privateKey, publicKey) {
    try {
      return curves[algorithm].getSharedSecret(raw(privateKey), raw(publicKey))
    } catch {
      return undefined
    }
  },
  aesGcmSeal(key, iv, associatedData, plaintext) {
    const sealed = gcm(key, iv, associatedData).encrypt(plaintext)
    return { tag: sealed.slice(plaintext.length), ciphertext: sealed.subarray(0, plaintext.length) }
  },
  aesGcmOpen(key, iv, associatedData, tag, ciphertext) {
    try {
      return gcm(key, iv, associatedData).decrypt(concat(ciphertext, tag))
    } catch {
      return undefined
    }
  },
  allocate: (length) => new Uint8Array(length),
  ...nobleSecretbox,
}
