// RFC 8291, 8188 (spec 21 B3): what a push service carries, encrypted for one device as a single record of `aes128gcm`.
import { createCipheriv, createDecipheriv, createECDH, type ECDH, hkdfSync } from 'node:crypto'
import { randomBytes } from '@smpkit/crypto'
import { concat, fromBase64url } from '@smpkit/encoding'
import { PayloadError } from '../errors.js'
import { authLength, curve, pointLength, type WebPushKeys } from './keys.js'

const saltLength = 16
const tagLength = 16
/** Salt, record size, length of the key, key. */
const headerLength = saltLength + 4 + 1 + pointLength
/** In bytes, of what every push service takes. */
const maxBodyLength = 4096
/** Bytes of content: the rest is the header, the delimiter and the tag. */
export const maxContentLength = maxBodyLength - headerLength - 1 - tagLength

const cipher = 'aes-128-gcm'
/** Ends the content of the last record, before padding. */
const delimiter = 2

const textEncoder = new TextEncoder()
const derive = (salt: Uint8Array, key: Uint8Array, info: Uint8Array, length: number) =>
  new Uint8Array(hkdfSync('sha256', key, salt, info, length))

function contentKeys(
  shared: Uint8Array,
  { auth, salt, device, sender }: Record<'auth' | 'salt' | 'device' | 'sender', Uint8Array>,
) {
  const key = derive(auth, shared, concat(textEncoder.encode('WebPush: info\0'), device, sender), 32)
  return {
    key: derive(salt, key, textEncoder.encode('Content-Encoding: aes128gcm\0'), 16),
    nonce: derive(salt, key, textEncoder.encode('Content-Encoding: nonce\0'), 12),
  }
}

/**
 * The body of a request to a push service; at most 3993 bytes fit. `salt` (16 bytes) and `privateKey` (32 bytes) are new ones unless given,
 * and are only given by tests: used twice they break the encryption.
 * @throws PayloadError `LARGE`
 */
export function encryptWebPush(
  content: Uint8Array,
  { p256dh, auth }: { readonly p256dh: Uint8Array; readonly auth: Uint8Array },
  { salt = randomBytes(saltLength), privateKey }: { readonly salt?: Uint8Array; readonly privateKey?: Uint8Array } = {},
): Uint8Array {
  if (content.length > maxContentLength) {
    throw new PayloadError('LARGE', `expected at most ${maxContentLength} bytes, got ${content.length}`)
  }
  const ecdh = createECDH(curve)
  if (privateKey) ecdh.setPrivateKey(privateKey)
  else ecdh.generateKeys()
  const sender = ecdh.getPublicKey()
  const { key, nonce } = contentKeys(ecdh.computeSecret(p256dh), { auth, salt, device: p256dh, sender })
  const encryption = createCipheriv(cipher, key, nonce)
  const header = Buffer.alloc(headerLength)
  header.set(salt)
  header.writeUInt32BE(maxBodyLength, saltLength)
  header.writeUInt8(pointLength, saltLength + 4)
  header.set(sender, headerLength - pointLength)
  const encrypted = [encryption.update(content), encryption.update(Uint8Array.of(delimiter)), encryption.final()]
  return concat(header, ...encrypted, encryption.getAuthTag())
}

/**
 * What a device that is no browser does with the body that its push service delivers.
 * @throws PayloadError `FORMAT`, `DECRYPT`
 */
export function decryptWebPush(body: Uint8Array, keys: WebPushKeys): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  const record = bytes.subarray(headerLength)
  const isOne = record.length > tagLength && record.length <= bytes.readUInt32BE(saltLength)
  if (!isOne || bytes[saltLength + 4] !== pointLength) {
    throw new PayloadError('FORMAT', 'expected one record of aes128gcm with a key of 65 bytes')
  }
  const salt = bytes.subarray(0, saltLength)
  const sender = bytes.subarray(headerLength - pointLength, headerLength)
  const { key, nonce } = contentKeys(...sharedSecret(sender, keys, salt))
  const decryption = createDecipheriv(cipher, key, nonce)
  decryption.setAuthTag(record.subarray(-tagLength))
  let padded: Buffer
  try {
    padded = Buffer.concat([decryption.update(record.subarray(0, -tagLength)), decryption.final()])
  } catch (cause) {
    throw new PayloadError('DECRYPT', 'expected a push encrypted for this device', { cause })
  }
  const end = padded.findLastIndex((byte) => byte !== 0)
  if (padded[end] !== delimiter) throw new PayloadError('FORMAT', 'expected the last record of aes128gcm')
  return new Uint8Array(padded.subarray(0, end))
}

function sharedSecret(sender: Uint8Array, keys: WebPushKeys, salt: Uint8Array): Parameters<typeof contentKeys> {
  const { ecdh, auth } = readDeviceKeys(keys)
  try {
    return [ecdh.computeSecret(sender), { auth, salt, device: ecdh.getPublicKey(), sender }]
  } catch (cause) {
    throw new PayloadError('FORMAT', 'expected the key of the sender to be a point on P-256', { cause })
  }
}

function readDeviceKeys({ privateKey, auth }: WebPushKeys): { readonly ecdh: ECDH; readonly auth: Uint8Array } {
  try {
    const ecdh = createECDH(curve)
    ecdh.setPrivateKey(fromBase64url(privateKey))
    const bytes = fromBase64url(auth)
    if (bytes.length === authLength) return { ecdh, auth: bytes }
  } catch {
    // Without its cause, which might quote the key.
  }
  throw new PayloadError('FORMAT', `expected a private key on P-256 and keys.auth of ${authLength} bytes as base64url`)
}
