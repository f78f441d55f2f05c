// Spec 30 §6: what to push for an outbox entry, and what an outcome changes. Pure functions over rows.
import { constantTimeEqual, sha256 } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import type { NotificationData, Push, PushKind, PushOutcome } from '@smpkit/push-providers'
import {
  checkMessagesData,
  countFitting,
  defaultPaddedLength,
  maxItems,
  messageData,
  verificationData,
} from '@smpkit/push-providers/payload'
import type { Limits } from './limits.js'
import { type DeadLetter, type NotificationRow, type OutboxRow, outboxId, type TokenRow } from './rows.js'
import type { Changes } from './store.js'

/** A push that is owed, wherever it is in its life. */
export interface Owed {
  readonly token: string
  readonly kind: PushKind
  readonly provider: string
}

/** One attempt: what was read for it, and what it carries. */
export interface Attempt extends Owed {
  readonly row: TokenRow
  readonly push: Push
  /** Of its notifications those that no accepted push carried before. */
  readonly carried: readonly NotificationRow[]
  readonly begunAt: number
}

export type Plan =
  | { readonly next: 'send'; readonly attempt: Attempt }
  | { readonly next: 'wait'; readonly until: number }
  /** Nothing to send, or not to this token now: whatever changes that wakes the entry again. */
  | { readonly next: 'park'; readonly empty: boolean }

/** What the functions here look at. */
export interface OwedRows {
  readonly token: TokenRow | undefined
  readonly outbox: OutboxRow | undefined
  /** Oldest first. */
  readonly notifications: readonly NotificationRow[]
}

/** What they change. */
export interface OwedChanges {
  readonly tokens?: readonly TokenRow[]
  readonly notifications?: readonly NotificationRow[]
  readonly outbox?: readonly OutboxRow[]
  readonly deadLetters?: readonly DeadLetter[]
  readonly remove?: Pick<NonNullable<Changes['remove']>, 'notifications' | 'outbox'>
}

/** The result is when to try again, or `null`: nothing is owed any more, or not now. */
export interface OwedDecision {
  readonly changes: OwedChanges
  readonly result: number | null
}

export function plan(owed: Owed, rows: OwedRows, now: number, limits: Limits): Plan {
  const { token: row } = rows
  if (!row) return { next: 'park', empty: true }
  const send = (notificationData: NotificationData, carried: readonly NotificationRow[] = []): Plan => {
    const { deviceToken: token, registeredAt, provider } = row
    const push = { id: pushId(owed, rows.outbox, carried), kind: owed.kind, token, registeredAt, notificationData }
    return { next: 'send', attempt: { ...owed, provider, row, push, carried, begunAt: now } }
  }
  if (owed.kind === 'verification') {
    if (row.status === 'invalid' || row.status === 'expired') return { next: 'park', empty: true }
    return send(verificationData(row.secret, row.code))
  }
  if (row.status !== 'active') return { next: 'park', empty: false }
  if (owed.kind === 'check') {
    const allowedAt = row.checkSentAt === null ? now : row.checkSentAt + limits.checkInterval
    return allowedAt > now ? { next: 'wait', until: allowedAt } : send(checkMessagesData)
  }
  const { carried, repeated } = itemsOf(rows.notifications)
  if (carried.length === 0) return { next: 'park', empty: true }
  const texts = [...repeated, ...carried].map(({ text }) => text)
  return send(messageData(row.secret, texts.join(';')), carried)
}

/**
 * What a push of messages holds: the oldest notifications that are owed and, where these leave room, those of other queues that were
 * sent last (22 §6). The last one, which clients rely on most, is always one that is owed.
 */
function itemsOf(notifications: readonly NotificationRow[]) {
  const owed = notifications.filter(({ sent }) => !sent)
  if (owed.length === 0) return { carried: [], repeated: [] }
  const wanted = [...owed, ...notifications.filter(({ sent }) => sent).reverse()]
  const fitting = wanted.slice(0, countFitting(wanted.map(({ text }) => text)))
  return { carried: fitting.filter(({ sent }) => !sent), repeated: fitting.filter(({ sent }) => sent).reverse() }
}

/** Names what the push carries: a receiver that has had it may drop a repetition. */
function pushId({ token, kind }: Owed, row: OutboxRow | undefined, carried: readonly NotificationRow[]): string {
  const named = [token, kind, row?.createdAt ?? 0, ...carried.map(({ seq }) => seq)].join(' ')
  return toBase64url(sha256(new TextEncoder().encode(named)).subarray(0, 18))
}

/** Removes the row of an entry that has nothing to send, unless something came meanwhile. */
export function settleEmpty(owed: Owed, rows: OwedRows, now: number, limits: Limits): OwedDecision {
  const planned = plan(owed, rows, now, limits)
  if (planned.next !== 'park' || !planned.empty) return { changes: {}, result: now }
  return { changes: { remove: { outbox: [outboxId(owed.token, owed.kind)] } }, result: null }
}

/** A longer item would hold up all others of its token. */
export const fitsPush = (text: string): boolean => text.length <= defaultPaddedLength - 2

export interface Settlement {
  readonly outcome: PushOutcome
  readonly now: number
  /** Whether the push was owed once more during the attempt. */
  readonly again: boolean
  /** 0..1, for the jitter. */
  readonly random: number
}

export function settle(attempt: Attempt, rows: OwedRows, settlement: Settlement, limits: Limits): OwedDecision {
  const { outcome, now, again } = settlement
  const { token } = rows
  const { kind } = attempt
  const id = outboxId(attempt.token, kind)
  if (!token) return { changes: {}, result: null }
  const row: OutboxRow = rows.outbox ?? freshRow(attempt, now)
  const fresh = freshRow({ ...attempt, provider: token.provider }, now)
  // The answer is about a device token or a code that is not the present one.
  const stale =
    token.provider !== attempt.provider ||
    token.deviceToken !== attempt.row.deviceToken ||
    token.registeredAt !== attempt.row.registeredAt ||
    (kind === 'verification' && !constantTimeEqual(token.code, attempt.row.code))
  if (stale) return { changes: { outbox: [fresh] }, result: now }
  // It was verified or expired meanwhile: there is nothing to try again.
  if (kind === 'verification' && !rows.outbox && outcome.outcome === 'retry') return { changes: {}, result: null }
  const deadLetters = (reason: string) => [
    { at: now, token: token.id, provider: attempt.provider, kind, attempts: row.attempts + 1, reason },
  ]
  /** What came during the attempt is no part of what was given up. */
  const giveUp = (reason: string, dueAt = now): OwedDecision =>
    again
      ? { changes: { deadLetters: deadLetters(reason), outbox: [{ ...fresh, dueAt }] }, result: dueAt }
      : { changes: { deadLetters: deadLetters(reason), remove: { outbox: [id] } }, result: null }

  switch (outcome.outcome) {
    case 'accepted': {
      const seqs = new Set(attempt.carried.map(({ seq }) => seq))
      const owedAgain = kind === 'message' ? rows.notifications.some(({ seq, sent }) => !sent && !seqs.has(seq)) : again
      const tokens = acceptedToken(token, kind, now)
      const { kept, removed } = token.ntf ? keptOf(rows.notifications, seqs) : { kept: [], removed: attempt.carried }
      const notifications = removed.map(({ subscription, seq }) => ({ subscription, seq }))
      const changes = { tokens, notifications: kept }
      if (owedAgain) return { changes: { ...changes, outbox: [fresh], remove: { notifications } }, result: now }
      return { changes: { ...changes, remove: { notifications, outbox: [id] } }, result: null }
    }
    case 'gone': {
      const { reason } = outcome
      const tokens: TokenRow[] = [{ ...token, status: 'invalid', reason, updatedAt: now, periodicAt: null }]
      // Messages and checks stay owed: the device may register again.
      const remove = { outbox: [outboxId(token.id, 'verification')] }
      return { changes: { tokens, deadLetters: deadLetters(reason), remove }, result: null }
    }
    case 'refused':
      return giveUp(outcome.reason)
    case 'retry': {
      const { reason, afterMs, all } = outcome
      // It says nothing about this push, which waits with all others.
      if (all) return { changes: row.reason === reason ? {} : { outbox: [{ ...row, reason }] }, result: now }
      const dueAt = now + Math.max(Math.ceil(afterMs), backOff(row.attempts, settlement.random, limits))
      const createdAt = row.createdAt + heldUp(row, attempt)
      if (dueAt > createdAt + limits.pushExpiry[kind]) return giveUp(`expired.${reason}`, dueAt)
      return { changes: { outbox: [{ ...row, createdAt, attempts: row.attempts + 1, dueAt, reason }] }, result: dueAt }
    }
  }
}

/** A push that begins so much later than it could was held up, by a pause or while we were away. */
const longestTurn = 60_000

/** For how long nobody tried: a push expires because it fails for too long, not because it waits. */
function heldUp({ dueAt }: OutboxRow, { begunAt }: Attempt): number {
  const late = begunAt - dueAt
  return late > longestTurn ? late : 0
}

/** What becomes of notifications that were sent to a client of the NTF protocol: the last ones of it stay (22 §6). */
function keptOf(notifications: readonly NotificationRow[], seqs: ReadonlySet<number>) {
  const sent = notifications.filter((row) => row.sent || seqs.has(row.seq))
  const kept = sent.slice(-maxItems).filter((row) => !row.sent)
  return { kept: kept.map((row) => ({ ...row, sent: true })), removed: sent.slice(0, -maxItems) }
}

function acceptedToken(token: TokenRow, kind: PushKind, now: number): TokenRow[] {
  if (kind === 'check') return [{ ...token, checkSentAt: now }]
  if (kind === 'verification' && token.status === 'registered')
    return [{ ...token, status: 'confirmed', updatedAt: now }]
  return []
}

/** Exponential, half of it at random. In whole milliseconds, as the rows are. */
export function backOff(attempts: number, random: number, limits: Limits): number {
  const delay = Math.min(limits.retryFirst * 2 ** Math.min(attempts, 30), limits.retryLongest)
  return Math.ceil(delay / 2 + (delay / 2) * random)
}

export function freshRow({ token, kind, provider }: Owed, now: number, dueAt = now): OutboxRow {
  return { id: outboxId(token, kind), token, kind, provider, createdAt: now, dueAt, attempts: 0, reason: null }
}
