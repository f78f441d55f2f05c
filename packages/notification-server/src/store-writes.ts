// From the changes of the contract to writes on the tables.
import type { Write } from '@smpkit/agent-store/internal'
import type { PushKind } from '@smpkit/push-providers'
import { type DeadLetter, outboxId, type SubscriptionRow } from './rows.js'
import type { Changes, Rows } from './store.js'
import { requests } from './store-queries.js'
import { mappings } from './stored-rows.js'
import type { TableName } from './tables.js'

const { put, putIfAbsent, remove, removeAll, update } = requests

/** Dead letters that are kept: more than the contract demands, as a number is lost with each call that fails. */
const deadLetterSlots = 2000

const pushKinds = Object.keys({ verification: 0, message: 0, check: 0 } satisfies Record<PushKind, 0>) as PushKind[]

const listOf = <R, W>(rows: readonly R[] | undefined, write: (row: R) => W): W[] => (rows ?? []).map(write)

/** `subscriptions` are those of the call's selection: the contract has those of removed tokens there. */
function removals(changes: NonNullable<Changes['remove']>, subscriptions: Rows['subscriptions']): Write<TableName>[] {
  const { tokens = [] } = changes
  const removed = new Set(tokens)
  const theirs = subscriptions.filter(({ token }) => removed.has(token)).map(({ id }) => id)
  // Those of the same kind stand together: PostgreSQL then has one statement for them.
  return [
    ...tokens.map((token) => removeAll('subscriptions', 'byToken', { token })),
    ...tokens.map((token) => removeAll('notifications', 'byToken', { token })),
    ...tokens.flatMap((token) => pushKinds.map((kind) => remove('outbox', { id: outboxId(token, kind) }))),
    ...tokens.map((id) => remove('tokens', { id })),
    ...listOf(changes.subscriptions, (id) => remove('subscriptions', { id })),
    ...[...theirs, ...(changes.subscriptions ?? [])].map((subscription) => remove('notifications', { subscription })),
    ...listOf(changes.notifications, ({ subscription, seq }) => remove('notifications', { subscription }, { seq })),
    ...listOf(changes.outbox, (id) => remove('outbox', { id })),
    ...listOf(changes.servers, (key) => remove('servers', { key })),
    ...listOf(changes.answers, (id) => remove('answers', { id })),
    ...listOf(changes.clients, (owner) => removeAll('answers', 'byOwner', { owner })),
    ...listOf(changes.clients, (owner) => remove('clients', { owner })),
    ...listOf(changes.tombstones, (id) => remove('tombstones', { id })),
  ]
}

/** Of rows that were read, only what differs: the indexes of all other columns need not be touched. */
function subscriptionWrites(changes: Changes, read: Rows['subscriptions']): Write<TableName>[] {
  const { subscriptions = [], remove: { tokens = [], subscriptions: ids = [] } = {} } = changes
  const [removed, removedTokens] = [new Set(ids), new Set(tokens)]
  const there = read.filter(({ id, token }) => !removed.has(id) && !removedTokens.has(token))
  const before = new Map(there.map((row) => [row.id, row]))
  const rows = new Map(subscriptions.map((row) => [row.id, row]))
  return [...rows.values()].flatMap((row) => {
    const known = before.get(row.id)
    if (!known) return [put('subscriptions', row)]
    const names = Object.keys(row) as (keyof SubscriptionRow)[]
    const changes = names.filter((name) => row[name] !== known[name]).map((name) => [name, row[name]])
    return changes.length > 0 ? [update('subscriptions', { id: row.id }, Object.fromEntries(changes))] : []
  })
}

/** `nextLetter` gives the number of a dead letter; they ascend. */
export function writesOf(
  changes: Changes,
  subscriptions: Rows['subscriptions'],
  nextLetter: () => number,
): Write<TableName>[] {
  const letter = (row: DeadLetter) => {
    const letterNo = nextLetter()
    return put('deadLetters', { ...row, letterNo, slot: letterNo % deadLetterSlots })
  }
  return [
    ...removals(changes.remove ?? {}, subscriptions),
    ...listOf(changes.tokens, (row) => put('tokens', mappings.tokens.stored(row))),
    ...subscriptionWrites(changes, subscriptions),
    ...listOf(changes.notifications, (row) => put('notifications', mappings.notifications.stored(row))),
    ...listOf(changes.outbox, (row) => put('outbox', row)),
    ...listOf(changes.outboxIfAbsent, (row) => putIfAbsent('outbox', row)),
    ...listOf(changes.servers, (row) => put('servers', row)),
    ...listOf(changes.answers, (row) => put('answers', mappings.answers.stored(row))),
    ...listOf(changes.clients, (row) => put('clients', row)),
    ...listOf(changes.tombstones, (row) => put('tombstones', row)),
    ...listOf(changes.deadLetters, letter),
  ]
}
