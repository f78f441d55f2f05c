// Spec 20 §8, 21 A2: the secret that the device shares with the notification server, and what it opens.
import { PrivateKey, PublicKey } from '@smpkit/crypto'
import { fromBase64url, toBase64url } from '@smpkit/encoding'
import { type OpenedPush, openPush, readNotificationData, tokenSecret } from '@smpkit/push-providers/payload'
import { NotificationClientError } from './errors.js'
import type { Device, DeviceRecord } from './state.js'

const newKey = (algorithm: 'x25519' | 'ed25519'): string => toBase64url(PrivateKey.generate(algorithm).toDer())

const privateKeyOf = (der: string) => PrivateKey.fromDer(fromBase64url(der)) as PrivateKey<'x25519'>

/** What the server gets. */
export const devicePublicKey = ({ key }: DeviceRecord): PublicKey<'x25519'> => privateKeyOf(key).publicKey

/** @throws KeyError for what is no key */
export function secretOf({ key, token }: DeviceRecord): Uint8Array | null {
  if (token === null) return null
  return tokenSecret(privateKeyOf(key), PublicKey.fromDer(fromBase64url(token.dhKey)) as PublicKey<'x25519'>)
}

/** Before an answer is stored: what cannot be calculated with would stand in the way for ever. @throws NotificationClientError `SERVICE` */
export function requireSecret(record: DeviceRecord): void {
  try {
    secretOf(record)
  } catch (cause) {
    const message = 'expected an X25519 key of the notification server, got something else'
    throw new NotificationClientError('SERVICE', message, { cause })
  }
}

/** A registration from the beginning, with new keys. What the former one can open stays readable. */
export function freshDevice(device: Device, former?: DeviceRecord): DeviceRecord {
  const secret = former && secretOf(former)
  const formerSecret = secret ? toBase64url(secret) : (former?.formerSecret ?? null)
  const keys = { key: newKey('x25519'), authKey: newKey('ed25519') }
  return { device, ...keys, token: null, isActive: false, period: 0, formerSecret }
}

export const isSameDevice = (one: Device, other: Device): boolean =>
  one.provider === other.provider && canonical(one.token) === canonical(other.token)

/** A token comes back from a store with its members in any order. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
  return `{${entries.sort().join()}}`
}

/**
 * With the present secret, or that of the registration before. A check needs none. `null`: a push that nobody can read before the server's
 * answer has brought its key.
 * @throws NotificationClientError `PUSH`
 */
export function openDevicePush(record: DeviceRecord | undefined, notificationData: unknown): OpenedPush | null {
  const refused = (cause?: unknown) =>
    new NotificationClientError('PUSH', 'expected a push for this device, got something else', { cause })
  let failure: unknown
  try {
    if ('checkMessages' in readNotificationData(notificationData)) return { kind: 'check' }
  } catch (cause) {
    throw refused(cause)
  }
  const former = record?.formerSecret ? fromBase64url(record.formerSecret) : null
  for (const secret of [record ? secretOf(record) : null, former]) {
    if (secret === null) continue
    try {
      return openPush(secret, notificationData)
    } catch (cause) {
      failure = cause
    }
  }
  if (record?.token === null) return null
  throw refused(failure)
}
