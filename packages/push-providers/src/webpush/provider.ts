// Spec 21 B3, RFC 8030: Web Push, which is also UnifiedPush.
import { toBase64urlUnpadded } from '@smpkit/encoding'
import { type EndpointProviderOptions, endpointProvider } from '../endpoint-provider.js'
import { ProviderConfigError } from '../errors.js'
import { readPushUrl } from '../guarded-https.js'
import { readJsonToken } from '../json-token.js'
import type { PushProvider } from '../provider.js'
import { encryptWebPush } from './encryption.js'
import { readPublicKeys, type WebPushPublicKeys } from './keys.js'
import { type VapidOptions, vapidAuthorization } from './vapid.js'

/** The device token of this provider: what a browser calls a subscription. */
export interface WebPushSubscription {
  /** `https:`, at most 1000 bytes. */
  readonly endpoint: string
  readonly keys: WebPushPublicKeys
}

export interface WebPushOptions extends EndpointProviderOptions {
  readonly vapid: VapidOptions
  /** Seconds for which a push service keeps a push for a device that it does not reach: a week unless given. */
  readonly ttl?: number
}

const textEncoder = new TextEncoder()

/**
 * Takes a `WebPushSubscription`, as an object or as JSON. Reasons of `gone`: `UNREGISTERED`, `EXPIRED`. `retry` with `all`: no connection to
 * the push service.
 * @throws ProviderConfigError for VAPID keys that cannot be used
 */
export function webPushProvider(options: WebPushOptions): PushProvider {
  const { vapid, ttl = 604_800, clock = Date.now } = options
  if (!Number.isSafeInteger(ttl) || ttl < 0) throw new ProviderConfigError('expected whole seconds as ttl')
  const authorization = vapidAuthorization(vapid, clock)

  return endpointProvider(
    {
      name: 'webpush',
      read(token) {
        const { endpoint, keys } = readJsonToken(token)
        return { url: readPushUrl(endpoint, options), keys: readPublicKeys(keys) }
      },
      write({ url, keys }) {
        const [p256dh, auth] = [toBase64urlUnpadded(keys.p256dh), toBase64urlUnpadded(keys.auth)]
        return JSON.stringify({ endpoint: url.href, keys: { p256dh, auth } } satisfies WebPushSubscription)
      },
      async request({ url, keys }, { kind, notificationData }) {
        const body = encryptWebPush(textEncoder.encode(JSON.stringify({ notificationData })), keys)
        const headers = {
          authorization: await authorization(url.origin),
          ttl: String(ttl),
          urgency: kind === 'check' ? 'normal' : 'high',
          // A later one says the same.
          ...(kind === 'check' && { topic: 'check' }),
          'content-encoding': 'aes128gcm',
          'content-type': 'application/octet-stream',
        }
        return { url, headers, body }
      },
      answers: { 404: { gone: 'UNREGISTERED' }, 410: { gone: 'EXPIRED' }, 406: 'busy', 429: 'busy' },
    },
    options,
  )
}
