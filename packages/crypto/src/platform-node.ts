// Spec 02 §1: the primitives by Node's OpenSSL, XSalsa20-Poly1305 by sodium-native where it is installed.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomFillSync,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import { createRequire } from 'node:module'
import type { Handle, Platform } from './platform.js'
import { nobleSecretbox } from './secretbox-noble.js'

/** The functions of sodium-native that are used here; input and output may overlap. */
export interface Sodium {
  crypto_secretbox_easy(boxed: Uint8Array, message: Uint8Array, nonce: Uint8Array, key: Uint8Array): void
  crypto_secretbox_open_easy(message: Uint8Array, boxed: Uint8Array, nonce: Uint8Array, key: Uint8Array): boolean
}

const hmacLength = 64

const curveNames = { ed25519: 'Ed25519', ed448: 'Ed448', x25519: 'X25519', x448: 'X448' }

const native = (handle: Handle) => handle as KeyObject

/**
 * Node answers with Buffers, whose `slice` and `toJSON` are not those of plain arrays, and whose memory is outside of the
 * heap: a copy of so few bytes is in it.
 */
const plain = (buffer: Buffer) => new Uint8Array(buffer)

/** As `plain` without a copy, for what is large. */
const view = ({ buffer, byteOffset, length }: Buffer) => new Uint8Array(buffer, byteOffset, length)

const hash = (name: string) => (data: Uint8Array) => plain(createHash(name).update(data).digest())

const scratch = Buffer.allocUnsafeSlow(64)

/**
 * Through a buffer of our own: Node's pool of small ones is shared with everybody, and a view into the bytes of a key would
 * move them out of the heap, at several times their size, for as long as the key lives.
 */
function base64url(raw: Uint8Array): string {
  scratch.set(raw)
  const text = scratch.toString('base64url', 0, raw.length)
  scratch.fill(0)
  return text
}

/** By HMACs: `hkdfSync` takes longer for the 88 bytes that each block needs. */
function hkdfSha512(salt: Uint8Array, inputKey: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  const output = new Uint8Array(length)
  const key = createHmac('sha512', salt).update(inputKey).digest()
  const input = Buffer.allocUnsafe(hmacLength + info.length + 1)
  input.set(info, hmacLength)
  for (let at = 0, count = 1; at < length; at += hmacLength, count++) {
    input[input.length - 1] = count
    // The first input is without the previous output.
    const from = count === 1 ? hmacLength : 0
    const part = createHmac('sha512', key)
      .update(from === 0 ? input : input.subarray(from))
      .digest()
    input.set(part)
    output.set(at + hmacLength > length ? part.subarray(0, length - at) : part, at)
  }
  return output
}

const aesGcm: Pick<Platform, 'aesGcmSeal' | 'aesGcmOpen'> = {
  aesGcmSeal(key, iv, associatedData, plaintext) {
    const cipher = createCipheriv('aes-256-gcm', key, iv)
    cipher.setAAD(associatedData)
    const ciphertext = view(cipher.update(plaintext))
    cipher.final()
    return { tag: plain(cipher.getAuthTag()), ciphertext }
  },
  aesGcmOpen(key, iv, associatedData, tag, ciphertext) {
    // Without the length, Node would take shorter tags too.
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 })
    decipher.setAAD(associatedData)
    decipher.setAuthTag(tag)
    const plaintext = view(decipher.update(ciphertext))
    try {
      decipher.final()
      return plaintext
    } catch {
      return undefined
    }
  },
}

function sodiumSecretbox(sodium: Sodium): Pick<Platform, 'secretboxSeal' | 'secretboxOpen'> {
  return {
    secretboxSeal(key, nonce, block) {
      sodium.crypto_secretbox_easy(block, block.subarray(16), nonce, key)
    },
    secretboxOpen: (key, nonce, block) => sodium.crypto_secretbox_open_easy(block.subarray(16), block, nonce, key),
  }
}

const randomPool = new Uint8Array(4096)
let randomLeft = 0

/** A call of the CSPRNG takes 10 µs whatever it is asked for: ids and nonces come from a pool, and leave zeros there. */
function randomBytes(length: number): Uint8Array {
  if (length > 64) return randomFillSync(new Uint8Array(length))
  if (length > randomLeft) {
    randomFillSync(randomPool)
    randomLeft = randomPool.length
  }
  const taken = randomPool.subarray(randomLeft - length, randomLeft)
  randomLeft -= length
  const bytes = new Uint8Array(taken)
  taken.fill(0)
  return bytes
}

export function nodePlatform(sodium: Sodium | undefined): Platform {
  return {
    randomBytes,
    constantTimeEqual: (a, b) => a.length === b.length && timingSafeEqual(a, b),
    md5: hash('md5'),
    sha256: hash('sha256'),
    sha512: hash('sha512'),
    sha3_256: hash('sha3-256'),
    sha3_384: hash('sha3-384'),
    hmacSha512: (key, data) => plain(createHmac('sha512', key).update(data).digest()),
    hkdfSha512,
    // As JWK and not as DER: ten times faster. The empty `x` makes OpenSSL compute the public key.
    privateHandle: (algorithm, raw) =>
      createPrivateKey({
        key: { kty: 'OKP', crv: curveNames[algorithm], d: base64url(raw), x: '' },
        format: 'jwk',
      }),
    publicHandle: (algorithm, raw) =>
      createPublicKey({ key: { kty: 'OKP', crv: curveNames[algorithm], x: base64url(raw) }, format: 'jwk' }),
    publicRaw: (_, key) => new Uint8Array(Buffer.from(native(key).export({ format: 'jwk' }).x as string, 'base64url')),
    sign: (_, key, message) => plain(sign(null, message, native(key))),
    verify: (_, key, message, signature) => verify(null, message, native(key), signature),
    dh(_, privateKey, publicKey) {
      try {
        return plain(diffieHellman({ privateKey: native(privateKey), publicKey: native(publicKey) }))
      } catch {
        return undefined
      }
    },
    allocate(length) {
      const { buffer } = Buffer.allocUnsafeSlow(length)
      return new Uint8Array(buffer, 0, length)
    },
    ...aesGcm,
    ...(sodium ? sodiumSecretbox(sodium) : nobleSecretbox),
  }
}

function loadSodium(): Sodium | undefined {
  try {
    return createRequire(import.meta.url)('sodium-native') as Sodium
  } catch {
    // Not installed, or no binary for this machine: noble does the same, slower.
    return undefined
  }
}

export const platform: Platform = nodePlatform(loadSodium())
