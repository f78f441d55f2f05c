// Spec 30 §5: the user's wish for notifications, as it was typed and as it is kept, and what the client remembers beside it.
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import path from 'node:path'
import type { ClientState } from '@smpkit/notification-client'
import type { Archive, Records } from 'example-chat'
import { createEndpointIdentity, type EndpointIdentity } from './endpoint-identity.js'
import type { PushKeys } from './push-endpoint.js'
import { Refusal } from './refusal.js'

/** What was typed. */
export type NotificationWish = EndpointWish | AppleWish

/** Pushes come to an endpoint of this program. */
export interface EndpointWish {
  /** Of the notification server. */
  readonly address: string
  readonly provider: PushKeys['provider']
  readonly host: string
  /** 0: any. */
  readonly port: number
  /** `https://NAME:PORT`, by which the notification server reaches us. */
  readonly url: string | undefined
  /** Files of PEM. */
  readonly cert: string | undefined
  readonly key: string | undefined
}

/** Pushes go to a device of Apple's, or to a stand-in. */
export interface AppleWish {
  readonly address: string
  readonly provider: `apns_${string}`
  /** One that no device has, unless given. */
  readonly token: string | undefined
  /** A file that the stand-in writes. */
  readonly log: string | undefined
}

export type NotificationSettings = EndpointSettings | AppleSettings

export interface AppleSettings {
  readonly address: string
  readonly device: { readonly provider: string; readonly token: string }
  readonly log: string | null
}

export interface EndpointSettings {
  readonly address: string
  readonly host: string
  readonly port: number
  /** Pushes are sent to it. */
  readonly origin: string
  readonly keys: PushKeys
  readonly identity: KeptIdentity
}

/** Files are read at each start: whoever renews a certificate writes another one. */
type KeptIdentity = EndpointIdentity | { readonly certFile: string; readonly keyFile: string }

export const settingsOf = (archive: Archive): Records<NotificationSettings> => archive.records('notifications')

/** What the client and `wakeUp` remember. */
export function clientState(archive: Archive): ClientState {
  const records = archive.records<unknown>('notification client')
  return {
    get: (key) => records.get(key),
    put: (key, value) => records.put(key, 0, value),
    remove: (key) => records.remove(key),
    list: async () => (await records.list()).map(({ owner, value }) => [owner, value] as const),
  }
}

const isLoopback = (host: string) => /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host)

/** By which others know the endpoint. @throws Refusal */
export function hostOf({ url, host }: EndpointWish): string {
  if (url !== undefined) return new URL(url).hostname
  if (isLoopback(host)) return 'localhost'
  throw new Refusal('--url: expected https://NAME:PORT, by which the notification server reaches this program')
}

/** That of the files, or a new one. @throws Refusal */
export function identityFor(wish: EndpointWish): KeptIdentity {
  const { cert, key } = wish
  if (cert !== undefined && key !== undefined) return { certFile: path.resolve(cert), keyFile: path.resolve(key) }
  const host = hostOf(wish)
  if (isIP(host.replace(/^\[|\]$/g, '')) === 0) return createEndpointIdentity(host)
  throw new Refusal('--cert and --key are needed where --url has no name but an IP address')
}

/** @throws Refusal if a file cannot be read */
export async function loadIdentity(identity: KeptIdentity): Promise<EndpointIdentity> {
  if ('cert' in identity) return identity
  const read = (file: string) =>
    readFile(file, 'utf8').catch((cause) => {
      throw new Refusal(`the file ${file} cannot be read`, { cause })
    })
  return { cert: await read(identity.certFile), key: await read(identity.keyFile), ca: null }
}
