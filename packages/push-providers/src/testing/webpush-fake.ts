// RFC 8030, 8291, 8292 (spec 21 B3): a push service for tests, over TLS, and the devices behind it, which decrypt what comes.
import { createPublicKey } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { jwtVerify } from 'jose'
import { decryptWebPush } from '../webpush/encryption.js'
import { generateWebPushKeys, pointLength, type WebPushKeys } from '../webpush/keys.js'
import type { WebPushSubscription } from '../webpush/provider.js'
import { type EndpointFake, type EndpointFakeOptions, startEndpointFake } from './endpoint-fake.js'
import { withMembers } from './webhook-fake.js'

export interface ReceivedWebPush {
  /** What `device` was called with. */
  readonly device: string
  /** Seconds. */
  readonly ttl: number
  readonly urgency: string | undefined
  readonly topic: string | undefined
  /** The JSON that the device has decrypted. */
  readonly body: string
  /** As it came. */
  readonly encrypted: Uint8Array
  /** Whole, as in the header. */
  readonly authorization: string
}

export interface WebPushFake extends EndpointFake<ReceivedWebPush> {
  /**
   * The subscription of a device; the same for the same name. With a VAPID key, as its text, pushes of other keys are refused; the first
   * call for a device counts.
   */
  device(name: string, vapidKey?: string): WebPushSubscription
}

interface Device {
  readonly keys: WebPushKeys
  readonly vapidKey: string | undefined
}

const maxBody = 4096
const day = 86_400

/**
 * A push to an unknown device is answered 404, one without VAPID 401, with other than the device's or for another origin 403, too much 413,
 * and everything else that is wrong 400.
 */
export async function startWebPushFake(options: EndpointFakeOptions = {}): Promise<WebPushFake> {
  const devices = new Map<string, Device>()
  const fake = await startEndpointFake<ReceivedWebPush>(
    async ({ method, url, headers }, encrypted, origin) => {
      const name = decodeURIComponent(url?.slice('/push/'.length) ?? '')
      const device = devices.get(name)
      if (method !== 'POST') return 405
      if (!device) return 404
      const refused = await vapidMistake(headers.authorization, origin, device, (options.clock ?? Date.now)())
      if (refused !== undefined) return refused
      if (encrypted.length > maxBody) return 413
      const about = readHeaders(headers)
      if (!about) return 400
      try {
        const body = Buffer.from(decryptWebPush(encrypted, device.keys)).toString()
        return { device: name, ...about, body, encrypted, authorization: headers.authorization ?? '' }
      } catch {
        return 400
      }
    },
    { ...options, accepted: 201 },
  )

  function device(name: string, vapidKey?: string): WebPushSubscription {
    const known = devices.get(name) ?? { keys: generateWebPushKeys(), vapidKey }
    devices.set(name, known)
    const { p256dh, auth } = known.keys
    return { endpoint: `${fake.origin}/push/${encodeURIComponent(name)}`, keys: { p256dh, auth } }
  }

  return withMembers(fake, { device })
}

function readHeaders(headers: IncomingHttpHeaders): Pick<ReceivedWebPush, 'ttl' | 'urgency' | 'topic'> | undefined {
  const { ttl, urgency, topic } = headers
  const isOne = (value: unknown) => value === undefined || typeof value === 'string'
  if (headers['content-encoding'] !== 'aes128gcm' || typeof ttl !== 'string' || !/^\d+$/.test(ttl)) return undefined
  if (!isOne(urgency) || !/^(very-low|low|normal|high|undefined)$/.test(String(urgency))) return undefined
  if (!isOne(topic) || !/^[\w-]{1,32}$/.test(topic === undefined ? 'none' : String(topic))) return undefined
  return { ttl: Number(ttl), urgency: urgency as string | undefined, topic: topic as string | undefined }
}

/** The status that says what is wrong. */
async function vapidMistake(header: string | undefined, origin: string, { vapidKey }: Device, now: number) {
  const [, jwt, key] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(header ?? '') ?? []
  if (jwt === undefined || key === undefined) return 401
  if (vapidKey !== undefined && key !== vapidKey) return 403
  const point = Buffer.from(key, 'base64url')
  if (point.length !== pointLength) return 403
  const [x, y] = [point.subarray(1, 33).toString('base64url'), point.subarray(33).toString('base64url')]
  try {
    const publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' })
    const { payload } = await jwtVerify(jwt, publicKey, {
      algorithms: ['ES256'],
      audience: origin,
      currentDate: new Date(now),
    })
    const isContact = /^(mailto:|https:)/.test(payload.sub ?? '')
    const lasts = (payload.exp ?? Number.POSITIVE_INFINITY) - now / 1000
    return isContact && lasts <= day ? undefined : 403
  } catch {
    return 403
  }
}
