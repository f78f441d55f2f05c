// 24 §3 W24: how many rows there are of each status, without looking at them all again.
import type { SubscriptionRow, SubscriptionStatus, TokenRow, TokenStatus } from './rows.js'
import type { Changes, Decision, NotificationStore, Rows, Selection } from './store.js'

export interface RowCounts {
  readonly tokens: Readonly<Partial<Record<TokenStatus, number>>>
  readonly subscriptions: Readonly<Partial<Record<Exclude<SubscriptionStatus, 'inactive'>, number>>>
}

/** Whether tokens of a provider are counted (22 §9): pushes of this one go nowhere. */
export const isCounted = ({ provider }: { readonly provider: string }): boolean => provider !== 'apns_null'

/** What has happened since the start (22 §9); of tokens to those that `isCounted` counts. */
export interface RowEvents {
  readonly tokensCreated: number
  readonly tokensVerified: number
  readonly tokensReplaced: number
  readonly tokensDeleted: number
  readonly subscriptionsCreated: number
  readonly subscriptionsDeleted: number
}

interface Counted {
  readonly id: string
  readonly status: string
}

/**
 * Counts what is written. What was there before is told once, at the start; later changes are known because callers read the rows that they
 * change or remove in the same call.
 */
export class RowCounter {
  readonly #tokens = new Map<string, number>()
  readonly #subscriptions = new Map<string, number>()
  #events: RowEvents = {
    tokensCreated: 0,
    tokensVerified: 0,
    tokensReplaced: 0,
    tokensDeleted: 0,
    subscriptionsCreated: 0,
    subscriptionsDeleted: 0,
  }

  /** Of rows that were there at the start. */
  addTokens(rows: readonly TokenRow[]): void {
    for (const { status } of rows) count(this.#tokens, status, 1)
  }

  addSubscriptions(rows: readonly SubscriptionRow[]): void {
    for (const { status } of rows) count(this.#subscriptions, status, 1)
  }

  get counts(): RowCounts {
    return { tokens: Object.fromEntries(this.#tokens), subscriptions: Object.fromEntries(this.#subscriptions) }
  }

  get events(): RowEvents {
    return this.#events
  }

  /** A store whose changes are counted. */
  watch(store: NotificationStore): NotificationStore {
    const atomic = async <T>(selection: Selection, change: (rows: Rows) => Decision<T>): Promise<T> => {
      let settle = () => {}
      const result = await store.atomic(selection, (rows) => {
        const decision = change(rows)
        settle = () => this.#changed(rows, decision.changes)
        return decision
      })
      settle()
      return result
    }
    return {
      atomic,
      read: (selection) => store.read(selection),
      due: (table, now, limit) => store.due(table, now, limit),
      page: (table, options) => store.page(table, options),
      deadLetters: (limit) => store.deadLetters(limit),
      swapClean: (clean) => store.swapClean(clean),
      closed: store.closed,
      close: () => store.close(),
      [Symbol.asyncDispose]: () => store.close(),
    }
  }

  #changed(rows: Rows, { tokens = [], subscriptions = [], remove = {} }: Changes): void {
    const removedTokens = new Set(remove.tokens)
    const removedSubscriptions = new Set(remove.subscriptions)
    for (const { id, token } of rows.subscriptions) if (removedTokens.has(token)) removedSubscriptions.add(id)
    recount(this.#tokens, rows.tokens, removedTokens, tokens)
    recount(this.#subscriptions, rows.subscriptions, removedSubscriptions, subscriptions)
    const before = new Map(rows.tokens.map((row) => [row.id, row]))
    const known = new Set(rows.subscriptions.map(({ id }) => id))
    const put = tokens.filter(isCounted)
    const happened = {
      tokensCreated: put.filter(({ id }) => !before.has(id)).length,
      tokensVerified: put.filter(({ id, status }) => status === 'active' && before.get(id)?.status !== status).length,
      tokensReplaced: put.filter((row) => isReplaced(before.get(row.id), row)).length,
      tokensDeleted: rows.tokens.filter((row) => removedTokens.has(row.id) && isCounted(row)).length,
      subscriptionsCreated: subscriptions.filter(({ id }) => !known.has(id)).length,
      subscriptionsDeleted: rows.subscriptions.filter(({ id }) => removedSubscriptions.has(id)).length,
    }
    const names = Object.keys(happened) as (keyof RowEvents)[]
    const sums = names.map((name) => [name, this.#events[name] + happened[name]])
    this.#events = Object.fromEntries(sums) as unknown as RowEvents
  }
}

const isReplaced = (before: TokenRow | undefined, { provider, deviceToken }: TokenRow): boolean =>
  before !== undefined && (before.provider !== provider || before.deviceToken !== deviceToken)

function recount(
  counts: Map<string, number>,
  before: readonly Counted[],
  removed: ReadonlySet<string>,
  put: readonly Counted[],
): void {
  const after = new Map(put.map((row) => [row.id, row]))
  for (const { id, status } of before) if (removed.has(id) || after.has(id)) count(counts, status, -1)
  for (const { status } of after.values()) count(counts, status, 1)
}

function count(counts: Map<string, number>, status: string, change: number): void {
  const number = (counts.get(status) ?? 0) + change
  if (number === 0) counts.delete(status)
  else counts.set(status, number)
}
