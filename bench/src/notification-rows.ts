// Rows of a notification server as clients' requests leave them, without the time that those take.
import { randomBytes } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import type { ServerRow, SubscriptionRow, TokenRow } from '@smpkit/notification-server'

const day = 86_400_000

/** Verified, with random keys. */
export function activeToken(given: Pick<TokenRow, 'owner' | 'provider' | 'deviceToken'>): TokenRow {
  const now = Date.now()
  return {
    id: toBase64url(randomBytes(24)),
    ...given,
    status: 'active',
    reason: null,
    clientKey: randomBytes(32),
    serverKey: randomBytes(32),
    secret: randomBytes(32),
    code: randomBytes(32),
    triesLeft: 10,
    registeredAt: now,
    updatedAt: now,
    usedAt: now,
    periodMinutes: 0,
    checkSentAt: null,
    periodicAt: null,
    expiresAt: now + 90 * day,
    ntf: false,
  }
}

/** Answered by its SMP server before, and not due. */
export function activeSubscription(
  { id: token, owner }: Pick<TokenRow, 'id' | 'owner'>,
  given: Pick<SubscriptionRow, 'server' | 'address' | 'notifierId' | 'notifierKey'>,
): SubscriptionRow {
  const now = Date.now()
  return {
    id: toBase64url(randomBytes(24)),
    owner,
    token,
    ...given,
    status: 'active',
    reason: null,
    updatedAt: now,
    byService: false,
    awaited: false,
    endedAt: null,
    retries: 0,
    nextAt: now + day,
  }
}

/** Never connected to. */
export const newServer = (key: string, address: string): ServerRow => ({
  key,
  address,
  checkOwed: false,
  up: false,
  changedAt: null,
  reason: null,
  serviceCertificate: null,
  serviceKey: null,
  serviceId: null,
})
