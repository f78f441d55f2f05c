// Spec 30 §6, Standard Webhooks: signatures of webhooks. No I/O, nothing of Node: receivers use it too.
import { fromBase64url } from '@smpkit/encoding'
import { DeviceTokenError } from '../errors.js'

const minSecretLength = 24
const maxSecretLength = 64
/** Of Standard Webhooks. */
const prefix = 'whsec_'

/**
 * The bytes of a secret: 24 to 64 as base64url, or as base64 after `whsec_`.
 * @throws DeviceTokenError
 */
export function readWebhookSecret(text: unknown): Uint8Array {
  const secret = typeof text === 'string' ? secretBytes(text) : undefined
  if (secret && secret.length >= minSecretLength && secret.length <= maxSecretLength) return secret
  throw new DeviceTokenError(
    `expected a secret of ${minSecretLength} to ${maxSecretLength} bytes as base64url, or as base64 after whsec_`,
  )
}

function secretBytes(text: string): Uint8Array | undefined {
  const base64 = text.startsWith(prefix) ? text.slice(prefix.length) : undefined
  if (base64 !== undefined && /[-_]/.test(base64)) return undefined
  try {
    return fromBase64url(base64?.replaceAll('+', '-').replaceAll('/', '_') ?? text)
  } catch {
    return undefined
  }
}

/** With the prefix, as without it a text could begin like one that has it. */
export const writeWebhookSecret = (secret: Uint8Array): string => prefix + toBase64(secret)

const toBase64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes))

const textEncoder = new TextEncoder()
const hmac = { name: 'HMAC', hash: 'SHA-256' }

function hmacKey(secret: Uint8Array, usage: 'sign' | 'verify'): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', new Uint8Array(secret), hmac, false, [usage])
}

interface SignedParts {
  readonly id: string
  /** Seconds since 1970. */
  readonly timestamp: string
  readonly body: string
}

const signedBytes = ({ id, timestamp, body }: SignedParts) => textEncoder.encode(`${id}.${timestamp}.${body}`)

/** The headers of a webhook. `now`: milliseconds since 1970. */
export async function signWebhook(
  secret: Uint8Array,
  { id, body, now }: { readonly id: string; readonly body: string; readonly now: number },
): Promise<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const timestamp = String(Math.floor(now / 1000))
  const key = await hmacKey(secret, 'sign')
  const signature = new Uint8Array(await crypto.subtle.sign(hmac, key, signedBytes({ id, timestamp, body })))
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${toBase64(signature)}`,
  }
}

export interface VerifyWebhookOptions {
  /** Milliseconds since 1970; the system's clock unless given. */
  readonly now?: number
  /** Milliseconds by which the sender's clock may differ, and the webhook may be late: 5 minutes unless given. */
  readonly tolerance?: number
}

/**
 * Whether a webhook came from who knows the secret, and lately. `headers` by their names in lower case, as Node has them; `body`: as it was
 * received. Whoever must not act twice on one webhook remembers its `webhook-id` for twice the tolerance.
 * @throws DeviceTokenError if `secret` is none
 */
export async function verifyWebhook(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  body: string | Uint8Array,
  secret: string,
  { now = Date.now(), tolerance = 300_000 }: VerifyWebhookOptions = {},
): Promise<boolean> {
  const bytes = readWebhookSecret(secret)
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map((name) => headers[`webhook-${name}`])
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') return false
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp) * 1000) > tolerance) return false
  const text = typeof body === 'string' ? body : readText(body)
  if (text === undefined) return false
  const key = await hmacKey(bytes, 'verify')
  const signed = signedBytes({ id, timestamp, body: text })
  // Several while a sender changes its secret.
  for (const signature of signatures.split(' ').slice(0, maxSignatures)) {
    const mac = readSignature(signature)
    if (mac && (await crypto.subtle.verify(hmac, key, mac, signed))) return true
  }
  return false
}

const maxSignatures = 8

/** Of 32 bytes, in version 1: those of other versions say nothing. */
function readSignature(text: string): Uint8Array<ArrayBuffer> | undefined {
  const base64 = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(text)?.[1]
  return base64 === undefined ? undefined : Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
}

function readText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
