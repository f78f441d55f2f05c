// RFC 8291 §2, RFC 8292 §3: key pairs on P-256, of a device and of a server. All texts are base64url without padding.
import { createECDH, createPrivateKey, ECDH, type KeyObject } from 'node:crypto'
import { randomBytes } from '@smpkit/crypto'
import { fromBase64url, toBase64urlUnpadded } from '@smpkit/encoding'
import { DeviceTokenError, ProviderConfigError } from '../errors.js'
import { membersOf, readTokenBytes } from '../json-token.js'

export const curve = 'prime256v1'

/** Of a point, uncompressed, in bytes. */
export const pointLength = 65
export const authLength = 16

/** What a device tells who wants to push to it. */
export interface WebPushPublicKeys {
  /** 65 bytes: an uncompressed point. */
  readonly p256dh: string
  /** 16 bytes. */
  readonly auth: string
}

/** What a device keeps to read its pushes. */
export interface WebPushKeys extends WebPushPublicKeys {
  /** 32 bytes. */
  readonly privateKey: string
}

export interface VapidKeys {
  /** 65 bytes: an uncompressed point, which browsers call `applicationServerKey`. */
  readonly publicKey: string
  /** 32 bytes. */
  readonly privateKey: string
}

function newKeyPair(): VapidKeys {
  const ecdh = createECDH(curve)
  const publicKey = toBase64urlUnpadded(ecdh.generateKeys())
  // Without leading zeros where the number has some.
  const privateKey = Buffer.alloc(32)
  const number = ecdh.getPrivateKey()
  privateKey.set(number, 32 - number.length)
  return { publicKey, privateKey: toBase64urlUnpadded(privateKey) }
}

/** For a device that is no browser. */
export function generateWebPushKeys(): WebPushKeys {
  const { publicKey, privateKey } = newKeyPair()
  return { p256dh: publicKey, auth: toBase64urlUnpadded(randomBytes(authLength)), privateKey }
}

/** For a server, which keeps them for ever: devices subscribe for pushes of this key only. */
export const generateVapidKeys = (): VapidKeys => newKeyPair()

/** @throws DeviceTokenError */
export function readPublicKeys(keys: unknown): { readonly p256dh: Uint8Array; readonly auth: Uint8Array } {
  const members = membersOf(keys)
  const p256dh = readTokenBytes(members.p256dh, 'keys.p256dh')
  const auth = readTokenBytes(members.auth, 'keys.auth')
  if (auth.length !== authLength) throw new DeviceTokenError(`expected keys.auth of ${authLength} bytes`)
  if (p256dh.length !== pointLength || !isPoint(p256dh)) {
    throw new DeviceTokenError('expected keys.p256dh to be a point on P-256, not compressed')
  }
  return { p256dh, auth }
}

function isPoint(bytes: Uint8Array): boolean {
  try {
    ECDH.convertKey(bytes, curve)
    return bytes[0] === 4
  } catch {
    return false
  }
}

/** @throws ProviderConfigError unless it is a key pair */
export function readVapidKeys({ publicKey, privateKey }: VapidKeys): KeyObject {
  try {
    const d = fromBase64url(privateKey)
    const ecdh = createECDH(curve)
    ecdh.setPrivateKey(d)
    const point = ecdh.getPublicKey()
    if (d.length === 32 && point.equals(fromBase64url(publicKey))) {
      const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
      const jwk = { kty: 'EC', crv: 'P-256', d: toBase64urlUnpadded(d), ...(x && y && { x, y }) }
      return createPrivateKey({ key: jwk, format: 'jwk' })
    }
  } catch {
    // Without its cause, which might quote the key.
  }
  throw new ProviderConfigError('expected a pair of VAPID keys as base64url: 65 bytes public, 32 bytes private')
}
