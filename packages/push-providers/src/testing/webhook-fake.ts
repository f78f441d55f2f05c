// Spec 30 §6, Standard Webhooks: a receiver of webhooks for tests, over TLS, which checks their signatures.
import { randomBytes } from '@smpkit/crypto'
import { toBase64urlUnpadded } from '@smpkit/encoding'
import type { WebhookTarget } from '../webhook/provider.js'
import { verifyWebhook } from '../webhook/signature.js'
import { type EndpointFake, type EndpointFakeOptions, startEndpointFake } from './endpoint-fake.js'

export interface ReceivedWebhook {
  /** Of the device: what `device` was called with. */
  readonly device: string
  readonly id: string
  readonly timestamp: string
  /** The JSON. */
  readonly body: string
}

export interface WebhookFake extends EndpointFake<ReceivedWebhook> {
  /** The token of a device; the same for the same name. */
  device(name: string): WebhookTarget
}

/** A request of an unknown device is answered 404, one that is not signed for it 401, another method 405, another type of content 415. */
export async function startWebhookFake(options: EndpointFakeOptions = {}): Promise<WebhookFake> {
  const secrets = new Map<string, string>()
  const fake = await startEndpointFake<ReceivedWebhook>(
    async ({ method, url, headers }, bytes) => {
      const device = decodeURIComponent(url?.slice('/hook/'.length) ?? '')
      const secret = secrets.get(device)
      if (method !== 'POST') return 405
      if (secret === undefined) return 404
      if (headers['content-type'] !== 'application/json') return 415
      if (!(await verifyWebhook(headers, bytes, secret, { now: (options.clock ?? Date.now)() }))) return 401
      const text = (name: string) => String(headers[name])
      return { device, id: text('webhook-id'), timestamp: text('webhook-timestamp'), body: bytes.toString() }
    },
    { ...options, accepted: 204 },
  )

  function device(name: string): WebhookTarget {
    const secret = secrets.get(name) ?? toBase64urlUnpadded(randomBytes(32))
    secrets.set(name, secret)
    return { url: `${fake.origin}/hook/${encodeURIComponent(name)}`, secret }
  }

  return withMembers(fake, { device })
}

/** Keeps the getters. */
export function withMembers<Fake extends object, Members extends object>(fake: Fake, members: Members): Fake & Members {
  return Object.defineProperties(fake, Object.getOwnPropertyDescriptors(members)) as Fake & Members
}
