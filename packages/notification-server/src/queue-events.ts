// Spec 30 §6: what events of the SMP side change. Pure functions over rows.
import { toBase64url } from '@smpkit/encoding'
import type { PushKind } from '@smpkit/push-providers'
import { addressRefused } from './down-reason.js'
import type { Limits } from './limits.js'
import { fitsPush, freshRow } from './outbox-rules.js'
import { type NotificationRow, type OutboxRow, queueKey, type SubscriptionRow, type TokenRow } from './rows.js'
import type { Received } from './server-state.js'
import type { Decision, Rows } from './store.js'
import type { SubscriberEvent } from './subscriber.js'

export type QueueEvent = Extract<SubscriberEvent, { readonly notifierId: Uint8Array }>

export const keyOfQueue = ({ server, notifierId }: Pick<QueueEvent, 'server' | 'notifierId'>): string =>
  queueKey(server, toBase64url(notifierId))

export interface QueueEffects {
  /** The answers to `NSUB`, for those who wait for them. */
  readonly answered: readonly { readonly id: string; readonly status: SubscriptionRow['status'] }[]
  /** Notifications of each server. */
  readonly received: ReadonlyMap<string, Received>
}

export interface QueueEventContext {
  readonly now: number
  readonly limits: Limits
  /** 0..1, for spreading. */
  readonly random: () => number
  readonly nextSeq: () => number
}

/** The rows are those of the events' queues with their tokens. Events of unknown queues are ignored. */
export function applyQueueEvents(
  events: readonly QueueEvent[],
  rows: Rows,
  context: QueueEventContext,
): Decision<QueueEffects> {
  const { now, nextSeq } = context
  const tokens = new Map(rows.tokens.map((row) => [row.id, row]))
  const byQueue = new Map(rows.subscriptions.map((row) => [keyOfQueue(row), row]))
  const changed = new Map<string, SubscriptionRow>()
  const removed = new Set<string>()
  const notifications = new Map<string, NotificationRow>()
  const outbox = new Map<string, OutboxRow>()
  const answered: QueueEffects['answered'][number][] = []
  const received = new Map<string, { known: number; unknown: number }>()
  const count = (server: string, as: keyof Received) => {
    const counts = received.get(server) ?? { known: 0, unknown: 0 }
    counts[as]++
    received.set(server, counts)
  }
  const owe = (token: TokenRow | undefined, kind: PushKind) => {
    if (!token) return
    const row = freshRow({ token: token.id, kind, provider: token.provider }, now)
    outbox.set(row.id, row)
  }

  for (const event of events) {
    const key = keyOfQueue(event)
    const row = byQueue.get(key)
    const isOurs = row !== undefined && !removed.has(row.id)
    const token = isOurs ? tokens.get(row.token) : undefined
    // What comes for a device that is not verified is dropped (22 §6): once it is, it is to look.
    const isDropped = event.type === 'notification' && token?.ntf === true && token.status !== 'active'
    if (event.type === 'notification') count(event.server, isOurs && !isDropped ? 'known' : 'unknown')
    if (isDropped) owe(token, 'check')
    if (!isOurs || isDropped) continue
    if (event.type === 'notification') {
      const text = itemText(row, event, now)
      // The SMP server could not encrypt, or this is no metadata: nothing that a device could use.
      if (event.encMeta.length === 0 || !fitsPush(text)) owe(token, 'check')
      else {
        notifications.delete(row.id)
        notifications.set(row.id, { subscription: row.id, token: row.token, seq: nextSeq(), text, sent: false })
        owe(token, 'message')
      }
      continue
    }
    if (event.type === 'refused' && event.code === 'AUTH' && row.status === 'pending' && row.awaited) {
      // Nothing is kept of what was refused at once.
      removed.add(row.id)
      changed.delete(row.id)
      answered.push({ id: row.id, status: 'auth' })
      continue
    }
    const next = transition(row, event, context)
    if (event.type === 'subscribed' || event.type === 'refused') answered.push({ id: row.id, status: next.status })
    if (next === row) continue
    byQueue.set(key, next)
    changed.set(row.id, next)
    // Nobody will tell of this queue any more: its owner is to look. An NTF client deletes a notifier without a word to us (23 §6).
    if (next.nextAt === null && !(token?.ntf && next.status === 'deleted')) owe(token, 'check')
  }
  return {
    changes: {
      subscriptions: [...changed.values()],
      notifications: [...notifications.values()].filter((row) => !removed.has(row.subscription)),
      outboxIfAbsent: [...outbox.values()],
      remove: { subscriptions: [...removed] },
    },
    result: { answered, received },
  }
}

/** The item of a push as spec 21 A3 writes it: the address as the owner wrote it. */
function itemText(row: SubscriptionRow, event: Extract<QueueEvent, { type: 'notification' }>, now: number): string {
  const queue = `${row.address}/${toBase64url(row.notifierId)}`
  return `${queue} ${Math.floor(now / 1000)} ${toBase64url(event.nonce)} ${toBase64url(event.encMeta)}`
}

/** The same row if the event changes nothing. A final status never changes. */
export function transition(
  row: SubscriptionRow,
  event: Exclude<QueueEvent, { type: 'notification' }>,
  { now, limits, random }: Pick<QueueEventContext, 'now' | 'limits' | 'random'>,
): SubscriptionRow {
  if (row.nextAt === null) return row
  const to = (change: Partial<SubscriptionRow>): SubscriptionRow => ({
    ...row,
    updatedAt: now,
    reason: null,
    ...change,
  })
  switch (event.type) {
    case 'subscribed':
      // Most of these come after a reconnection: a hundred thousand rows need not be written for it.
      if (row.status === 'active' && row.nextAt > now && row.byService === (event.serviceId !== null)) return row
      return to({
        status: 'active',
        awaited: false,
        byService: event.serviceId !== null,
        retries: 0,
        nextAt: now + Math.floor(limits.verifyEvery * (0.9 + 0.1 * random())),
        updatedAt: row.status === 'active' ? row.updatedAt : now,
      })
    case 'ended': {
      const final = row.endedAt !== null && now - row.endedAt < limits.endMemory
      return to({ status: 'ended', reason: 'taken over', endedAt: now, nextAt: final ? null : now + limits.endRetry })
    }
    case 'deleted':
      return to({ status: 'deleted', nextAt: null })
    case 'refused': {
      const reason = event.code === 'AUTH' ? null : event.code
      if (reason !== null && reason !== addressRefused) return to({ status: 'error', reason, nextAt: null })
      const delay = authDelay(row.retries, limits)
      const status = reason === null ? 'auth' : 'error'
      return to({
        status,
        reason,
        retries: row.retries + 1,
        // The server may be found at another address, or its name lead elsewhere.
        nextAt: delay === null ? null : now + delay,
        updatedAt: row.status === status ? row.updatedAt : now,
      })
    }
  }
}

/** How long to wait after so many `AUTH` answers, or `null` after the last. */
function authDelay(retries: number, limits: Limits): number | null {
  const { authRetries, authRetryEvery, authRetryFor } = limits
  const first = authRetries[retries]
  if (first !== undefined) return first
  return (retries - authRetries.length) * authRetryEvery < authRetryFor ? authRetryEvery : null
}
