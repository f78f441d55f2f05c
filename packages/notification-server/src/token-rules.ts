// Spec 30 §5, 20 §8–§9: what becomes of a registration. Pure functions over rows.
import { constantTimeEqual, PrivateKey, type PublicKey, randomBytes } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { tokenSecret } from '@smpkit/push-providers/payload'
import { NotificationServerError } from './errors.js'
import type { Limits } from './limits.js'
import { type ClientRow, deviceKey, type TokenRow, type TombstoneRow } from './rows.js'
import type { NewToken } from './tokens.js'

const day = 86_400_000
const codeLength = 32

export const isSameDevice = (a: TokenRow, b: TokenRow): boolean =>
  deviceKey(a.provider, a.deviceToken) === deviceKey(b.provider, b.deviceToken)

/** `status`: the token waits for no code. `code`: a wrong one. `new code`: one wrong code too many. */
export type Judgement = { readonly result: 'active' | 'status' | 'code' | 'new code'; readonly row: TokenRow }

export function judgeCode(row: TokenRow, code: Uint8Array, now: number, limits: Limits): Judgement {
  if (row.status === 'invalid' || row.status === 'expired') return { result: 'status', row }
  if (!constantTimeEqual(row.code, code)) {
    // 20 §12: no code is ever void because of a wrong one; there are too many to guess.
    if (row.ntf) return { result: 'code', row }
    const triesLeft = row.triesLeft - 1
    return triesLeft > 0
      ? { result: 'code', row: { ...row, triesLeft } }
      : { result: 'new code', row: withNewCode(row, limits) }
  }
  const active: TokenRow = {
    ...row,
    status: 'active',
    reason: null,
    updatedAt: row.status === 'active' ? row.updatedAt : now,
    usedAt: now,
    expiresAt: now + limits.verifiedExpiry,
    periodicAt: row.periodMinutes > 0 ? (row.periodicAt ?? now + row.periodMinutes * 60_000) : null,
    triesLeft: limits.codeTries,
  }
  return { result: 'active', row: active }
}

/** Its last use is to be written, which is once a day. */
export const isStale = (row: TokenRow, owner: string, now: number) =>
  row.owner === owner && row.status === 'active' && now - row.usedAt >= day

/** After a command of its client. */
export const used = (row: TokenRow, now: number, limits: Limits): TokenRow =>
  row.status === 'active' ? { ...row, usedAt: now, expiresAt: now + limits.verifiedExpiry } : row

export const withNewCode = (row: TokenRow, limits: Limits): TokenRow => ({
  ...row,
  code: randomBytes(codeLength),
  triesLeft: limits.codeTries,
})

/** Registering again brings a dead token back; one that was not verified yet has its time anew, as its code is pushed again. */
export function revived(row: TokenRow, now: number, limits: Limits): TokenRow {
  if (row.status === 'active') return row
  const expiresAt = now + limits.unverifiedExpiry
  if (row.status !== 'invalid' && row.status !== 'expired') return { ...row, expiresAt }
  const times = { registeredAt: now, updatedAt: now, usedAt: now, expiresAt }
  return { ...row, ...times, status: 'registered', reason: null }
}

/**
 * 20 §8: subscriptions are for NTF clients whose token was verified once.
 * @throws NotificationServerError FORBIDDEN `status`
 */
export function requireVerified({ ntf, status }: TokenRow): void {
  if (ntf && (status === 'registered' || status === 'confirmed')) {
    throw new NotificationServerError('FORBIDDEN', 'status', 'expected a token that was verified')
  }
}

/** A device as its provider knows it. */
export type Registration = Pick<NewToken, 'owner' | 'provider' | 'dhKey'> & {
  readonly deviceToken: string
  readonly ntf: boolean
}

/**
 * The row of a registration: the one that is among `tokens`, which are those of the owner, alive again, or a new one.
 * @throws NotificationServerError BAD_REQUEST or CONFLICT `dhKey`, LIMIT
 */
export function registered(
  given: Registration,
  { tokens, count }: { readonly tokens: readonly TokenRow[]; readonly count: number },
  now: number,
  limits: Limits,
): { readonly row: TokenRow; readonly created: boolean } {
  const device = deviceKey(given.provider, given.deviceToken)
  const known = tokens.find((row) => row.owner === given.owner && deviceKey(row.provider, row.deviceToken) === device)
  if (known && !constantTimeEqual(known.clientKey, given.dhKey.toRaw())) {
    throw new NotificationServerError('CONFLICT', 'dhKey', 'expected the key of the earlier registration, got another')
  }
  const max = given.ntf ? limits.tokensNtf : limits.tokens
  if (!known && count >= max) {
    throw new NotificationServerError('LIMIT', 'tokens', `expected at most ${max} tokens of an owner`, { max })
  }
  const row = known ? used(revived(known, now, limits), now, limits) : newToken(given, now, limits)
  return { row, created: !known }
}

/** Whoever has a token is not idle. */
export const busy = (clients: readonly ClientRow[]): ClientRow[] =>
  clients.filter(({ idleSince }) => idleSince !== null).map((row) => ({ ...row, idleSince: null }))

/** For a day their owner is told that they are gone. */
export const tombstonesOf = (
  rows: readonly { readonly id: string; readonly owner: string }[],
  now: number,
  /** How many more there may be: who deletes very much is told less. */
  room = Number.POSITIVE_INFINITY,
): TombstoneRow[] => rows.slice(0, Math.max(0, room)).map(({ id, owner }) => ({ id, owner, at: now }))

function newToken({ owner, provider, deviceToken, dhKey, ntf }: Registration, now: number, limits: Limits): TokenRow {
  const serverKey = PrivateKey.generate('x25519')
  return {
    id: toBase64url(randomBytes(24)),
    owner,
    ntf,
    provider,
    deviceToken,
    status: 'registered',
    reason: null,
    clientKey: dhKey.toRaw(),
    serverKey: serverKey.toRaw(),
    secret: secretOf(serverKey, dhKey),
    code: randomBytes(codeLength),
    triesLeft: limits.codeTries,
    registeredAt: now,
    updatedAt: now,
    usedAt: now,
    periodMinutes: 0,
    checkSentAt: null,
    periodicAt: null,
    expiresAt: now + limits.unverifiedExpiry,
  }
}

/** Anybody could read what is encrypted for a key of low order. @throws NotificationServerError BAD_REQUEST */
function secretOf(serverKey: PrivateKey<'x25519'>, dhKey: PublicKey<'x25519'>): Uint8Array {
  try {
    return tokenSecret(serverKey, dhKey)
  } catch (cause) {
    throw new NotificationServerError('BAD_REQUEST', 'dhKey', 'expected a key to agree on a secret with', { cause })
  }
}
