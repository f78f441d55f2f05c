// Spec 30 §5, §6: what the notification server keeps. Rows are values: a change makes a new one. Times are in milliseconds.
import type { PushKind } from '@smpkit/push-providers'

export type TokenStatus = 'registered' | 'confirmed' | 'active' | 'invalid' | 'expired'
export type SubscriptionStatus = 'pending' | 'active' | 'inactive' | 'ended' | 'deleted' | 'auth' | 'error'

/** One registration of a device by one owner. */
export interface TokenRow {
  readonly id: string
  /** Opaque; whoever comes through a front door. */
  readonly owner: string
  readonly provider: string
  /** The provider's canonical text. Secret: whoever has it can push. */
  readonly deviceToken: string
  readonly status: TokenStatus
  readonly reason: string | null
  /** The client's X25519 public key and our private one, raw. */
  readonly clientKey: Uint8Array
  readonly serverKey: Uint8Array
  /** X25519 of the two, 32 bytes. */
  readonly secret: Uint8Array
  /** 32 bytes that only the device can read. */
  readonly code: Uint8Array
  readonly triesLeft: number
  /** Of this device token, not of the row. */
  readonly registeredAt: number
  readonly updatedAt: number
  /** The last command of the client, with the granularity of a day. */
  readonly usedAt: number
  readonly periodMinutes: number
  /** The last accepted check-messages push. */
  readonly checkSentAt: number | null
  /** When the next periodic push is due. */
  readonly periodicAt: number | null
  /** When it becomes `expired`, or is deleted if it is that. */
  readonly expiresAt: number
  /** Whether its client speaks the NTF protocol: then notifications that were sent are kept, and sent again with others (22 §6). */
  readonly ntf: boolean
}

export interface SubscriptionRow {
  readonly id: string
  readonly owner: string
  readonly token: string
  /** The SMP server's key hash in base64url. */
  readonly server: string
  /** The server's address as its owner wrote it: pushes name it so. */
  readonly address: string
  readonly notifierId: Uint8Array
  /** DER. Secret. */
  readonly notifierKey: Uint8Array
  /** Never `inactive`: that is an active one whose server is not connected. */
  readonly status: Exclude<SubscriptionStatus, 'inactive'>
  readonly reason: string | null
  readonly updatedAt: number
  /** Whether the SMP server counts the queue to our service (06 §5). */
  readonly byService: boolean
  /** A first answer is still owed to the owner: what the SMP server refuses until then is not kept. */
  readonly awaited: boolean
  /** When another client took the subscription over, last. */
  readonly endedAt: number | null
  /** `AUTH` answers since the last success. */
  readonly retries: number
  /** When to send `NSUB` again; `null`: never, the status is final. */
  readonly nextAt: number | null
}

/** The last notification of a queue: one that no accepted push carried yet, or one that is kept after that. */
export interface NotificationRow {
  readonly subscription: string
  readonly token: string
  /** From 1 on; grows with every notification of the server. */
  readonly seq: number
  /** The item as it stands in a push. */
  readonly text: string
  /** Whether an accepted push carried it. Only tokens of the NTF protocol have such ones, and few. */
  readonly sent: boolean
}

/** A push that is owed to a token. */
export interface OutboxRow {
  /** `outboxId`. */
  readonly id: string
  readonly token: string
  readonly kind: PushKind
  readonly provider: string
  readonly createdAt: number
  readonly dueAt: number
  readonly attempts: number
  /** Why the last attempt failed. */
  readonly reason: string | null
}

export interface ServerRow {
  /** The key hash in base64url. */
  readonly key: string
  /** Where it is reached. */
  readonly address: string
  /** A session did not end orderly: its tokens are owed a check-messages push after re-subscription. */
  readonly checkOwed: boolean
  /** As it was last. */
  readonly up: boolean
  /** When `up` changed; `null` if it never did. */
  readonly changedAt: number | null
  /** Why it is down. */
  readonly reason: string | null
  /** What we present as a service (03 §5): a self-signed certificate and its private key, DER. The key is secret. */
  readonly serviceCertificate: Uint8Array | null
  readonly serviceKey: Uint8Array | null
  /** What the server calls our service, once it does. */
  readonly serviceId: Uint8Array | null
}

/** Spec 30 §3: what a request of a client was answered, or is to be. */
export interface AnswerRow {
  /** `answerId`. */
  readonly id: string
  readonly owner: string
  /** SHA-256 of the request. */
  readonly hash: Uint8Array
  readonly at: number
  /** `waiting`: the answer is not known yet. `owed`: it is to be sent. */
  readonly state: 'waiting' | 'owed' | 'sent'
  /** Whether it is kept after it was sent. */
  readonly kept: boolean
  /** The message to send or, while `waiting`, what the front door needs to make it. Secret. */
  readonly body: Uint8Array
}

/** A client of a front door that has to say who its clients are. */
export interface ClientRow {
  readonly owner: string
  readonly createdAt: number
  /** When it is looked at next: one without a token is dropped. */
  readonly checkAt: number
  /** Since when it has no token; `null` while it has one. */
  readonly idleSince: number | null
  /** SMP servers that it was the first to name since then: of a day. */
  readonly newServers: number
  readonly newServersSince: number
}

/** Something that its owner deleted, or that was deleted for it. */
export interface TombstoneRow {
  readonly id: string
  readonly owner: string
  readonly at: number
}

/** A push that is not tried again. */
export interface DeadLetter {
  readonly at: number
  readonly token: string
  readonly provider: string
  readonly kind: PushKind
  readonly attempts: number
  readonly reason: string
}

export const outboxId = (token: string, kind: PushKind): string => `${token}/${kind}`

export const answerId = (owner: string, requestId: string): string => `${owner}/${requestId}`

/** The key of a queue whatever its server's hosts are called; the notifier id is in base64url with padding. */
export const queueKey = (server: string, notifierIdText: string): string => `${server}/${notifierIdText}`

/** Registrations of one device have it in common. */
export const deviceKey = (provider: string, deviceToken: string): string => `${provider}/${deviceToken}`

/** Those of a token that were sent stand before those that were not, each by `seq`. */
export const notificationPlace = ({ seq, sent }: NotificationRow): number =>
  sent ? seq - Number.MAX_SAFE_INTEGER : seq

/** When something is to be done about a token. */
export const tokenDueAt = (row: TokenRow): number => Math.min(row.expiresAt, row.periodicAt ?? row.expiresAt)
