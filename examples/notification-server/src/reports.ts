// What the database says of tokens, subscriptions, SMP servers and pushes.
import type { NotificationServerStatus, NotificationStore, PageRows, ServerRow } from '@smpkit/notification-server'
import { parseServerAddress } from '@smpkit/smp-commands/address'
import {
  type NtfReport,
  type OutboxReport,
  reportLimit,
  type ServerReport,
  type StatusReport,
  type TokenReport,
} from './admin.js'
import type { Answered } from './recent-pushes.js'

export async function* eachPage<K extends keyof PageRows>(
  store: Pick<NotificationStore, 'page'>,
  table: K,
  keyOf: (row: PageRows[K]) => string,
): AsyncGenerator<readonly PageRows[K][]> {
  for (let after = ''; ; ) {
    const rows = await store.page(table, { after, limit: reportLimit })
    if (rows.length > 0) yield rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < reportLimit) return
    after = keyOf(last)
  }
}

type Statuses<S extends string> = Partial<Record<S, number>>

function count<S extends string>(counts: Statuses<S>, status: S): void {
  counts[status] = (counts[status] ?? 0) + 1
}

/** Reads all rows: for a server that does not run. */
export async function storedStatus(store: NotificationStore): Promise<StatusReport> {
  const tokens: StatusReport['tokens'] = {}
  const subscriptions: StatusReport['subscriptions'] = {}
  const servers: ServerReport[] = []
  let owed = 0
  const byId = ({ id }: { readonly id: string }) => id
  for await (const rows of eachPage(store, 'tokens', byId)) for (const { status } of rows) count(tokens, status)
  for await (const rows of eachPage(store, 'subscriptions', byId)) {
    for (const { status } of rows) count(subscriptions, status)
  }
  for await (const rows of eachPage(store, 'servers', ({ key }) => key)) servers.push(...rows.map(serverReport))
  for await (const rows of eachPage(store, 'outbox', byId)) owed += rows.length
  return { startedAt: null, tokens, subscriptions, servers, ntf: null, owed, answered: await givenUp(store) }
}

export const runningStatus = (
  { tokens, subscriptions, servers, pushes }: NotificationServerStatus,
  /** Those of the contact address, which clients may name as well. */
  own: readonly ServerReport[],
  ntf: NtfReport | null,
  startedAt: number,
  answered: readonly Answered[],
): StatusReport => ({
  startedAt,
  tokens,
  subscriptions,
  servers: [
    ...own,
    ...servers
      .map(({ address, up, since, reason }) => ({ server: hostOf(address), up, since, reason }))
      .filter(({ server, up }) => !own.some((one) => one.server === server && one.up === up)),
  ],
  ntf,
  owed: pushes.owed,
  answered,
})

/** Host and port of an address, which has a key hash and may have a password. */
export function hostOf(address: string): string {
  const { hosts, port } = parseServerAddress(address, 'smp')
  return `${hosts[0]?.text ?? '?'}${port === '' ? '' : `:${port}`}`
}

const serverReport = ({ address, up, changedAt, reason }: ServerRow): ServerReport => ({
  server: hostOf(address),
  up,
  since: changedAt,
  reason,
})

/** What became of pushes that were given up, by provider and reason. */
async function givenUp(store: NotificationStore): Promise<Answered[]> {
  const all = new Map<string, Answered>()
  for (const { provider, reason, at } of await store.deadLetters(reportLimit)) {
    const key = `${provider} ${reason}`
    const known = all.get(key)
    all.set(key, { provider, outcome: 'given up', reason, count: (known?.count ?? 0) + 1, at: known?.at ?? at })
  }
  return [...all.values()]
}

export async function tokenReports(
  store: Pick<NotificationStore, 'page'>,
  { after = '', limit }: { readonly after?: string; readonly limit: number },
): Promise<readonly TokenReport[]> {
  const rows = await store.page('tokens', { after, limit: Math.min(limit, reportLimit) })
  return rows.map(({ id, provider, status, reason, registeredAt, usedAt, expiresAt }) => ({
    id,
    provider,
    status,
    reason,
    registeredAt,
    usedAt,
    expiresAt,
  }))
}

/** The `limit` owed pushes that are due first, of those that are looked at, and as many dead letters, the newest first. */
export async function outboxReport(store: NotificationStore, limit: number): Promise<OutboxReport> {
  const rows = await store.page('outbox', { limit: reportLimit })
  const letters = await store.deadLetters(limit)
  const sorted = [...rows].sort((a, b) => a.dueAt - b.dueAt)
  return {
    owed: sorted.slice(0, limit).map(({ provider, kind, createdAt, dueAt, attempts, reason }) => ({
      provider,
      kind,
      createdAt,
      dueAt,
      attempts,
      reason,
    })),
    more: rows.length > limit || rows.length === reportLimit,
    deadLetters: letters.map(({ token: _, ...letter }) => letter),
  }
}
