// design.md §5: the contract over tables, wherever these are kept.
import type { Query, TableStore } from '@smpkit/agent-store/internal'
import type { DeadLetter } from './rows.js'
import type { DueRows, NotificationStore, PageOptions, PageRows } from './store.js'
import { type Found, queriesOf, requests, rowsOf } from './store-queries.js'
import { writesOf } from './store-writes.js'
import { mappings } from './stored-rows.js'
import type { Stored, TableName, Tables } from './tables.js'

const { first, get, page, pageOf, put } = requests

const dueQueries = {
  subscriptions: (now: number, limit: number) => first('subscriptions', 'due', [{}], limit, now),
  tokens: (now: number, limit: number) => first('tokens', 'due', [{}], limit, now),
  clients: (now: number, limit: number) => first('clients', 'due', [{}], limit, now),
  tombstones: (now: number, limit: number) => first('tombstones', 'due', [{}], limit, now),
  answers: (now: number, limit: number) => first('answers', 'due', [{ sent: true }], limit, now),
} satisfies Record<keyof DueRows, unknown>

function pageQuery(table: keyof PageRows, { after, limit, server, owner, owed }: PageOptions) {
  switch (table) {
    case 'subscriptions': {
      const key = after === undefined ? null : { id: after }
      if (server !== undefined) return pageOf(table, 'byServer', { server }, key, limit)
      if (owner !== undefined) return pageOf(table, 'byOwner', { owner }, key, limit)
      return page(table, key, limit)
    }
    case 'answers': {
      const key = after === undefined ? null : { id: after }
      return owed ? pageOf(table, 'bySent', { sent: false }, key, limit) : page(table, key, limit)
    }
    case 'servers':
      return page(table, after === undefined ? null : { key: after }, limit)
    case 'clients':
      return page(table, after === undefined ? null : { owner: after }, limit)
    default:
      return page(table, after === undefined ? null : { id: after }, limit)
  }
}

const byNumber = (a: Stored<'deadLetters'>, b: Stored<'deadLetters'>) => b.letterNo - a.letterNo

/** Newest first. */
async function deadLettersOf(store: TableStore<Tables>): Promise<Stored<'deadLetters'>[]> {
  const rows: Stored<'deadLetters'>[] = []
  for await (const some of store.pages('deadLetters')) rows.push(...some)
  return rows.sort(byNumber)
}

/** The number of the newest dead letter, or 0. */
export const lastLetterOf = async (store: TableStore<Tables>): Promise<number> =>
  (await deadLettersOf(store))[0]?.letterNo ?? 0

/** `lastLetter` is what `lastLetterOf` says, once for as long as the store is open. */
export function notificationStore(store: TableStore<Tables>, lastLetter: number): NotificationStore {
  let letters = lastLetter
  const nextLetter = () => ++letters

  /** Rows of one table as the contract has them. */
  async function rows<R>(table: keyof PageRows, query: Query<TableName>): Promise<readonly R[]> {
    const { found } = await store.read({ found: query })
    const row = mappings[table].row as (stored: unknown) => R
    return (found as readonly unknown[]).map(row)
  }

  return {
    closed: store.closed,
    async read(selection) {
      return rowsOf(await store.read(queriesOf(selection)))
    },
    async atomic(selection, change) {
      return store.atomic(queriesOf(selection), (found: Found) => {
        const selected = rowsOf(found)
        const { changes, result } = change(selected)
        return { writes: writesOf(changes, selected.subscriptions, nextLetter), result }
      })
    },
    async due<K extends keyof DueRows>(table: K, now: number, limit: number) {
      return rows<DueRows[K]>(table, dueQueries[table](now, limit))
    },
    async page<K extends keyof PageRows>(table: K, options: PageOptions) {
      return rows<PageRows[K]>(table, pageQuery(table, options))
    },
    async deadLetters(limit): Promise<readonly DeadLetter[]> {
      const newest = (await deadLettersOf(store)).slice(0, limit)
      return newest.map(({ slot: _, letterNo: __, ...letter }) => letter)
    },
    async swapClean(clean) {
      return store.atomic({ before: get('state', { name: 'clean' }) }, ({ before }) => ({
        writes: [put('state', { name: 'clean', value: clean ? 'yes' : 'no' })],
        result: before?.value !== 'no',
      }))
    },
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  }
}
