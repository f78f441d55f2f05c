// Spec 20 §6, §8–§10: rows and refusals in the words of the NTF protocol.
import { type AuthKey, PublicKey } from '@smpkit/crypto'
import { fromBase64url, toBase64url } from '@smpkit/encoding'
import type { InvalidReason, NtfResponse } from '@smpkit/ntf-protocol'
import { cmd, type ErrorType } from '@smpkit/smp-commands'
import type { NotificationServerError, RefusalReasons } from '../errors.js'
import type { SubscriptionStatus, TokenStatus } from '../rows.js'
import type { SubscriptionState } from '../subscription-types.js'
import type { TokenState } from '../tokens.js'

const tokenWords = {
  registered: 'REGISTERED',
  confirmed: 'CONFIRMED',
  active: 'ACTIVE',
  invalid: 'INVALID',
  expired: 'EXPIRED',
} as const satisfies Record<TokenStatus, string>

const subscriptionWords = {
  pending: 'NEW',
  active: 'ACTIVE',
  inactive: 'INACTIVE',
  ended: 'END',
  deleted: 'DELETED',
  auth: 'AUTH',
  error: 'ERR',
} as const satisfies Record<SubscriptionStatus, string>

/** Those of APNs; what other providers say of a token has no word. */
const reasons: Record<InvalidReason, true> = { BAD: true, TOPIC: true, EXPIRED: true, UNREGISTERED: true }
const isReason = (reason: string | null): reason is InvalidReason => reason !== null && Object.hasOwn(reasons, reason)

export function tokenResponse({ status, reason }: Pick<TokenState, 'status' | 'reason'>): NtfResponse {
  return { tag: 'TKN', status: tokenWords[status], reason: status === 'invalid' && isReason(reason) ? reason : null }
}

export function subscriptionResponse({ status, reason }: SubscriptionState): NtfResponse {
  // Reasons are words of ours and of the SMP protocol.
  const errorText = status === 'error' ? new TextEncoder().encode(reason ?? '') : null
  return { tag: 'SUB', status: subscriptionWords[status], errorText }
}

/** What does not fit is told from what may not be: a client forgets its registration after `AUTH` (23 §4). */
export function refusal(error: NotificationServerError): ErrorType {
  switch (error.code) {
    case 'LIMIT':
      return { code: 'QUOTA' }
    case 'BAD_REQUEST':
      return badRequest[error.reason as RefusalReasons['BAD_REQUEST']] ?? cmd('SYNTAX')
    default:
      return { code: 'AUTH' }
  }
}

const badRequest: Partial<Record<RefusalReasons['BAD_REQUEST'], ErrorType>> = {
  minutes: { code: 'QUOTA' },
  // Known to the protocol, not offered here.
  provider: cmd('PROHIBITED'),
}

const prefix = 'ntf/'

/** Whoever has the key is the owner: so the rows need no column for it. */
export const ownerOf = (key: AuthKey): string => prefix + toBase64url(key.toDer())

/** `undefined` for owners of other doors, and for a row that was damaged: nobody has its key. */
export function keyOf(owner: string): AuthKey | undefined {
  if (!owner.startsWith(prefix)) return undefined
  try {
    return PublicKey.fromDer(fromBase64url(owner.slice(prefix.length))) as AuthKey
  } catch {
    return undefined
  }
}

/** Ids are 24 random bytes here; texts in the rows. */
export const idText = (id: Uint8Array): string => toBase64url(id)
export const idBytes = (id: string): Uint8Array => fromBase64url(id)
