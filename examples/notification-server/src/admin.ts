// What an operator asks and does, whether the server runs or not: over its socket, or with the database.
import type { DeadLetter, OutboxRow, SubscriptionStatus, TokenStatus } from '@smpkit/notification-server'
import type { Answered } from './recent-pushes.js'

export interface ServerReport {
  /** Host and port, as it is reached. */
  readonly server: string
  readonly up: boolean
  /** When that changed, in milliseconds; `null` if it never did. */
  readonly since: number | null
  /** Why it is down. */
  readonly reason: string | null
}

export interface NtfReport {
  readonly address: string
  /** Of clients, at present. */
  readonly connections: number
}

export interface StatusReport {
  /** When the running server was started, in milliseconds; `null` if it is not running: then all is from the database. */
  readonly startedAt: number | null
  readonly tokens: Partial<Record<TokenStatus, number>>
  readonly subscriptions: Partial<Record<SubscriptionStatus, number>>
  readonly servers: readonly ServerReport[]
  /** Where clients of the NTF protocol come in; `null` if they do not, or if the server does not run. */
  readonly ntf: NtfReport | null
  readonly owed: number
  /** Since the start, or from what was given up. */
  readonly answered: readonly Answered[]
}

/** Without what lets anybody push to a device. */
export interface TokenReport {
  readonly id: string
  readonly provider: string
  readonly status: TokenStatus
  readonly reason: string | null
  readonly registeredAt: number
  /** The day of the last command. */
  readonly usedAt: number
  readonly expiresAt: number
}

export interface OutboxReport {
  readonly owed: readonly Pick<OutboxRow, 'provider' | 'kind' | 'createdAt' | 'dueAt' | 'attempts' | 'reason'>[]
  /** There are more than that. */
  readonly more: boolean
  readonly deadLetters: readonly Omit<DeadLetter, 'token'>[]
}

export interface AddressReport {
  /** The contact address; `null` if there is none. */
  readonly link: string | null
  readonly shortLink: string | null
  /** The address of the NTF protocol; `null` if it is not served. */
  readonly ntf: string | null
}

/** How many rows a report has at most, where it is one of many. */
export const reportLimit = 1000

/** Each with what it takes and gives, as JSON. */
export interface Admin {
  status(options: Record<never, never>): Promise<StatusReport>
  /** After the token of this id. */
  tokens(options: { readonly after?: string; readonly limit: number }): Promise<readonly TokenReport[]>
  outbox(options: { readonly limit: number }): Promise<OutboxReport>
  address(options: Record<never, never>): Promise<AddressReport>
  /** Copies into a folder that is not there yet. */
  backup(options: { readonly folder: string }): Promise<readonly string[]>
}

export const adminCalls = [
  'status',
  'tokens',
  'outbox',
  'address',
  'backup',
] as const satisfies readonly (keyof Admin)[]
