// Spec 21 A1, A9: what a push carries to the device, `notificationData` of its JSON.
import { Writer } from '@smpkit/encoding'
import { PayloadError } from './errors.js'
import { decodeItems, type PushItem } from './items.js'
import { decryptPayload, type EncryptOptions, encryptPayload } from './payload-encryption.js'

const textEncoder = new TextEncoder()

export type PushKind = 'verification' | 'message' | 'check'

/** Nonce, verification and message are base64url with padding. */
export type NotificationData =
  | { readonly nonce: string; readonly verification: string }
  | { readonly nonce: string; readonly message: string }
  | { readonly checkMessages: true }

/** Makes the device prove that it can read pushes. `code`: 32 bytes. @throws PayloadError `LARGE` */
export function verificationData(secret: Uint8Array, code: Uint8Array, options?: EncryptOptions): NotificationData {
  const { nonce, data } = encryptPayload(secret, code, options)
  return { nonce, verification: data }
}

/** `text`: of `encodeItems`, or item texts that fit, joined by `;`. @throws PayloadError `LARGE` */
export function messageData(secret: Uint8Array, text: string, options?: EncryptOptions): NotificationData {
  const { nonce, data } = encryptPayload(secret, textEncoder.encode(text), options)
  return { nonce, message: data }
}

/** Makes the device look into its queues, whatever is there. */
export const checkMessagesData: NotificationData = { checkMessages: true }

export function kindOf(data: NotificationData): PushKind {
  if ('checkMessages' in data) return 'check'
  return 'message' in data ? 'message' : 'verification'
}

/** FCM carries all members as texts (30 §6). */
const isTrue = (value: unknown) => value === true || value === 'true'

/** Reads what came as JSON: of the three shapes exactly one; unknown members are ignored. @throws PayloadError `FORMAT` */
export function readNotificationData(json: unknown): NotificationData {
  const value = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {}
  const own = (name: string) => (Object.hasOwn(value, name) ? value[name] : undefined)
  const [nonce, verification, message, check] = ['nonce', 'verification', 'message', 'checkMessages'].map(own)
  if (verification === undefined && message === undefined && isTrue(check)) return checkMessagesData
  if (check === undefined && typeof nonce === 'string') {
    if (typeof verification === 'string' && message === undefined) return { nonce, verification }
    if (typeof message === 'string' && verification === undefined) return { nonce, message }
  }
  throw new PayloadError(
    'FORMAT',
    'expected notificationData with a nonce and a verification or a message, or checkMessages',
  )
}

export type OpenedPush =
  | { readonly kind: 'verification'; readonly code: Uint8Array }
  | { readonly kind: 'message'; readonly items: readonly PushItem[] }
  | { readonly kind: 'check' }

/**
 * What the device does with a push: reads and decrypts it. Items are oldest first, those without metadata are skipped.
 * @throws PayloadError `FORMAT`, `DECRYPT`
 */
export function openPush(secret: Uint8Array, json: unknown): OpenedPush {
  const data = readNotificationData(json)
  if ('verification' in data) return { kind: 'verification', code: verificationCode(secret, data) }
  if ('checkMessages' in data) return { kind: 'check' }
  const content = decryptPayload(secret, { nonce: data.nonce, data: data.message })
  return { kind: 'message', items: decodeItems(readText(content), { skipEmptyMeta: true }) }
}

function readText(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch (cause) {
    throw new PayloadError('FORMAT', 'expected items in UTF-8', { cause })
  }
}

/** The code in a verification push, of whatever length it is. @throws PayloadError `FORMAT`, `DECRYPT` */
export function verificationCode(
  secret: Uint8Array,
  data: { readonly nonce: string; readonly verification: string },
): Uint8Array {
  return decryptPayload(secret, { nonce: data.nonce, data: data.verification })
}

/** The command of the NTF protocol that sends the code back (20 §7). @throws EncodeError `LARGE` above 255 bytes */
export function verifyCommand(code: Uint8Array): Uint8Array {
  const writer = new Writer(6 + code.length)
  writer.word('TVFY ')
  writer.shortBytes(code)
  return writer.bytes()
}
