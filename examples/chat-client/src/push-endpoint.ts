// Spec 30 §5, §6: where pushes come to: what the push service of a phone's maker does, here for this program alone.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { randomBytes } from '@smpkit/crypto'
import { toBase64urlUnpadded } from '@smpkit/encoding'
import { type Device, NotificationClientError } from '@smpkit/notification-client'
import { verifyWebhook } from '@smpkit/push-providers/payload'
import { decryptWebPush, generateWebPushKeys, type WebPushKeys } from '@smpkit/push-providers/webpush'
import type { EndpointIdentity } from './endpoint-identity.js'

/** What the program keeps to tell its pushes from others, and to read them. */
export type PushKeys =
  | { readonly provider: 'webhook'; readonly path: string; readonly secret: string }
  | { readonly provider: 'webpush'; readonly path: string; readonly keys: WebPushKeys }

export function newPushKeys(provider: PushKeys['provider']): PushKeys {
  const random = () => toBase64urlUnpadded(randomBytes(24))
  const path = `/push/${random()}`
  return provider === 'webhook' ? { provider, path, secret: random() } : { provider, path, keys: generateWebPushKeys() }
}

/** What the notification server gets. `origin`: `https://host:port`. */
export function deviceOf(keys: PushKeys, origin: string): Device {
  const url = origin + keys.path
  if (keys.provider === 'webhook') return { provider: 'webhook', token: { url, secret: keys.secret } }
  const { p256dh, auth } = keys.keys
  return { provider: 'webpush', token: { endpoint: url, keys: { p256dh, auth } } }
}

export interface PushEndpoint {
  readonly port: number
  close(): Promise<void>
}

export interface PushEndpointOptions {
  readonly host: string
  /** 0: any. */
  readonly port: number
  readonly identity: EndpointIdentity
  readonly keys: PushKeys
  /** Gets what a push carries. A push is answered when this has settled; where it rejects, it comes again, unless it is no push for this device. */
  readonly onPush: (notificationData: unknown) => Promise<void>
}

/** Bytes: more than any push has. */
const maxBody = 8192

/** @throws the system's error if the port cannot be had, or the certificate cannot be used */
export async function openPushEndpoint(options: PushEndpointOptions): Promise<PushEndpoint> {
  const { host, port, identity } = options
  const server = createServer({ cert: identity.cert, key: identity.key }, (request, response) => {
    response.on('error', () => {})
    void answer(request, options)
      .catch((error: unknown) => (isRefused(error) ? 400 : 503))
      .then((status) => end(response, status))
  })
  server.on('tlsClientError', () => {})
  server.headersTimeout = 10_000
  server.requestTimeout = 20_000
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const isRefused = (error: unknown) => error instanceof NotificationClientError && error.code === 'PUSH'

function end(response: ServerResponse, status: number): void {
  response.writeHead(status).end()
}

/** The status. */
async function answer(request: IncomingMessage, { keys, onPush }: PushEndpointOptions): Promise<number> {
  if (request.url !== keys.path) return 404
  if (request.method !== 'POST') return 405
  const body = await bodyOf(request)
  if (!body) return 413
  const json = await contentOf(request, body, keys)
  if (json === undefined) return 401
  const data = notificationDataOf(json)
  if (data === undefined) return 400
  await onPush(data)
  return 201
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request) {
    length += (part as Buffer).length
    if (length > maxBody) return undefined
    parts.push(part as Buffer)
  }
  return Buffer.concat(parts)
}

/** `undefined` for what does not come from the notification server that was told the keys. */
async function contentOf(request: IncomingMessage, body: Buffer, keys: PushKeys): Promise<string | undefined> {
  if (keys.provider === 'webhook') {
    return (await verifyWebhook(request.headers, body, keys.secret)) ? body.toString() : undefined
  }
  try {
    return Buffer.from(decryptWebPush(body, keys.keys)).toString()
  } catch {
    return undefined
  }
}

function notificationDataOf(json: string): unknown {
  try {
    return (JSON.parse(json) as { notificationData?: unknown } | null)?.notificationData
  } catch {
    return undefined
  }
}
