// Spec 30 §5, §6: pushes as webhooks, to a URL that a client has chosen.
import { type EndpointProviderOptions, endpointProvider } from '../endpoint-provider.js'
import { readPushUrl } from '../guarded-https.js'
import { readJsonToken } from '../json-token.js'
import type { PushProvider } from '../provider.js'
import { readWebhookSecret, signWebhook, writeWebhookSecret } from './signature.js'

/** The device token of this provider. */
export interface WebhookTarget {
  /** `https:`, at most 1000 bytes. */
  readonly url: string
  /** 24 to 64 bytes as base64url, or as base64 after `whsec_`. */
  readonly secret: string
}

export type WebhookOptions = EndpointProviderOptions

/**
 * Takes a `WebhookTarget`, as an object or as JSON. The body is the JSON `{"notificationData":{…}}`; all attempts of one push have the same
 * `webhook-id`. Reason of `gone`: `UNREGISTERED`. `retry` with `all`: no connection to the host.
 */
export function webhookProvider(options: WebhookOptions = {}): PushProvider {
  const { clock = Date.now } = options
  return endpointProvider(
    {
      name: 'webhook',
      read(token) {
        const { url, secret } = readJsonToken(token)
        return { url: readPushUrl(url, options), secret: readWebhookSecret(secret) }
      },
      write({ url, secret }) {
        return JSON.stringify({ url: url.href, secret: writeWebhookSecret(secret) } satisfies WebhookTarget)
      },
      async request({ url, secret }, { id, notificationData }) {
        const body = JSON.stringify({ notificationData })
        const signature = await signWebhook(secret, { id, body, now: clock() })
        return { url, headers: { ...signature, 'content-type': 'application/json' }, body }
      },
      answers: { 410: { gone: 'UNREGISTERED' }, 429: 'busy' },
    },
    options,
  )
}
