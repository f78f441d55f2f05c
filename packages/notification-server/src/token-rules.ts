// Spec 30 §5, 20 §8–§9: what becomes of a registration. Pure functions over rows.
import { constantTimeEqual, PrivateKey, randomBytes } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { tokenSecret } from '@smpkit/push-providers/payload'
import type { Limits } from './limits.js'
import { deviceKey, type TokenRow } from './rows.js'
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

/** Registering again brings a dead token back; nothing changes for others. */
export function revived(row: TokenRow, now: number, limits: Limits): TokenRow {
  if (row.status !== 'invalid' && row.status !== 'expired') return row
  const times = { registeredAt: now, updatedAt: now, usedAt: now, expiresAt: now + limits.unverifiedExpiry }
  return { ...row, ...times, status: 'registered', reason: null }
}

export function newToken(
  { owner, provider, deviceToken, dhKey }: Omit<NewToken, 'token'> & { readonly deviceToken: string },
  now: number,
  limits: Limits,
): TokenRow {
  const serverKey = PrivateKey.generate('x25519')
  return {
    id: toBase64url(randomBytes(24)),
    owner,
    provider,
    deviceToken,
    status: 'registered',
    reason: null,
    clientKey: dhKey.toRaw(),
    serverKey: serverKey.toRaw(),
    secret: tokenSecret(serverKey, dhKey),
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
