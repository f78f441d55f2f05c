// Spec 30 §6: many owed pushes share one reading, and their outcomes one transaction. Pure functions over rows.
import { maxItems } from '@smpkit/push-providers/payload'
import type { Owed, OwedChanges, OwedDecision, OwedRows } from './outbox-rules.js'
import { type DeadLetter, type NotificationRow, type OutboxRow, outboxId, type TokenRow } from './rows.js'
import type { Changes, Rows, Selection } from './store.js'

type PushRows = Pick<Rows, 'tokens' | 'notifications' | 'outbox'>

/** A push's worth of notifications that were sent come first, then those that are owed: one more than fits tells whether some are left. */
const notificationsLimit = 2 * maxItems + 1

/** What is looked at for all of these. */
export function selectionFor(owed: readonly Pick<Owed, 'token' | 'kind'>[]): Selection {
  const messages = owed.filter(({ kind }) => kind === 'message').map(({ token }) => token)
  return {
    tokens: { id: [...new Set(owed.map(({ token }) => token))] },
    notifications: messages.length > 0 ? { first: { tokens: messages, limit: notificationsLimit } } : {},
    outbox: { id: owed.map(({ token, kind }) => outboxId(token, kind)) },
  }
}

/** The rows of each of many owed pushes, as they become by what is decided for one after the other. */
export class BatchRows {
  readonly #tokens: Map<string, TokenRow>
  readonly #outbox: Map<string, OutboxRow>
  readonly #notifications = new Map<string, NotificationRow[]>()
  readonly #put = {
    tokens: new Map<string, TokenRow>(),
    outbox: new Map<string, OutboxRow>(),
    notifications: [] as NotificationRow[],
  }
  readonly #removed = {
    outbox: new Set<string>(),
    notifications: [] as Pick<NotificationRow, 'subscription' | 'seq'>[],
  }
  readonly #deadLetters: DeadLetter[] = []

  constructor({ tokens, notifications, outbox }: PushRows) {
    this.#tokens = new Map(tokens.map((row) => [row.id, row]))
    this.#outbox = new Map(outbox.map((row) => [row.id, row]))
    for (const row of notifications) {
      const others = this.#notifications.get(row.token)
      if (others) others.push(row)
      else this.#notifications.set(row.token, [row])
    }
  }

  of({ token, kind }: Pick<Owed, 'token' | 'kind'>): OwedRows {
    return {
      token: this.#tokens.get(token),
      outbox: this.#outbox.get(outboxId(token, kind)),
      notifications: kind === 'message' ? (this.#notifications.get(token) ?? []) : [],
    }
  }

  /** What is decided for one of them. */
  apply({ changes, result }: OwedDecision): number | null {
    const { tokens = [], notifications = [], outbox = [], deadLetters = [], remove = {} }: OwedChanges = changes
    for (const id of remove.outbox ?? []) {
      this.#outbox.delete(id)
      this.#put.outbox.delete(id)
      this.#removed.outbox.add(id)
    }
    this.#removed.notifications.push(...(remove.notifications ?? []))
    this.#put.notifications.push(...notifications)
    for (const row of tokens) {
      this.#tokens.set(row.id, row)
      this.#put.tokens.set(row.id, row)
    }
    for (const row of outbox) {
      this.#outbox.set(row.id, row)
      this.#put.outbox.set(row.id, row)
      this.#removed.outbox.delete(row.id)
    }
    this.#deadLetters.push(...deadLetters)
    return result
  }

  /** All that was decided. */
  get changes(): Changes {
    return {
      tokens: [...this.#put.tokens.values()],
      notifications: this.#put.notifications,
      outbox: [...this.#put.outbox.values()],
      deadLetters: this.#deadLetters,
      remove: { outbox: [...this.#removed.outbox], notifications: this.#removed.notifications },
    }
  }
}
