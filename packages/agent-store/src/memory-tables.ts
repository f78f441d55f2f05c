// The contract in memory: for tests, and for what need not survive its process.
import { StoreConflict, StoreError } from './errors.js'
import { createMemoryTable, type MemoryTable } from './memory-table.js'
import { keyText } from './order.js'
import type { AnyRow, Query, Write } from './queries.js'
import { copyOf, defaultPageSize, definitionOf, requireLimit, requireQuery, requireWrite } from './rows.js'
import type { Schema } from './schema.js'
import type { TableSet } from './table.js'
import type { StoreOptions, TableStore } from './table-store.js'

/** Of those that are there. */
function copiesOf(table: MemoryTable, keys: readonly string[]): AnyRow[] {
  return keys.flatMap((key) => {
    const row = table.get(key)
    return row === undefined ? [] : [copyOf(row)]
  })
}

/** Where the keys begin that are after this one. */
function indexAfter(keys: readonly string[], after: string): number {
  let [low, high] = [0, keys.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] ?? '') > after) high = middle
    else low = middle + 1
  }
  return low
}

/** A store that is empty at first, and gone with the process. */
export function openMemoryTables<T extends TableSet>(schema: Schema<T>): TableStore<T> {
  const tables = new Map(
    Object.entries(schema.tables).map(([name, definition]) => [name, createMemoryTable(name, definition)]),
  )
  let isClosed = false
  let settle = (_why: undefined): void => {}
  const closed = new Promise<undefined>((resolve) => {
    settle = resolve
  })

  function requireOpen(options: StoreOptions | undefined): void {
    if (isClosed) throw new StoreError('CLOSED', 'the store is closed')
    options?.signal?.throwIfAborted()
  }

  function tableOf(name: string): MemoryTable {
    const table = tables.get(name)
    if (table === undefined) throw new StoreError('INVALID', 'expected the name of a table, got one that is none')
    return table
  }

  function keysOf(query: Exclude<Query, { readonly count: string }>): readonly string[] {
    const table = tableOf(query.table)
    const { key } = table.definition
    if ('key' in query) return [keyText(key, query.key)]
    if ('keys' in query) return query.keys.map((one) => keyText(key, one))
    if ('ordered' in query) {
      const { ordered, limit, upTo = Number.MAX_SAFE_INTEGER } = query
      return query.any.flatMap((values) => table.first(ordered, values, limit, upTo))
    }
    if ('after' in query) {
      const { after, of, limit } = query
      const keys = of ? table.find(of.index, of.values) : table.keys()
      const start = after === null ? 0 : indexAfter(keys, keyText(key, after))
      return keys.slice(start, start + limit)
    }
    if ('by' in query) {
      const referring = copiesOf(tableOf(query.by.table), keysOf(query.by))
      const values = referring.map((row) => row[query.column]).filter((value) => value !== null)
      return [...new Set(values.map((value) => keyText(key, { [key[0] ?? '']: value })))]
    }
    const any = 'any' in query ? query.any : [query.values]
    return any.flatMap((values) => table.find(query.index, values).slice(0, query.limit))
  }

  function answer(query: Query): unknown {
    requireQuery(schema.tables, query)
    if ('count' in query) {
      const { count } = tableOf(query.table)
      return query.any.reduce((sum, values) => sum + count(query.count, values), 0)
    }
    const rows = copiesOf(tableOf(query.table), keysOf(query))
    return 'key' in query ? rows[0] : rows
  }

  const answers = <F>(queries: Readonly<Record<string, Query>>): F =>
    Object.fromEntries(Object.entries(queries).map(([name, query]) => [name, answer(query)])) as F

  /** The rows that a write changes: what they are afterwards. */
  function changesOf(write: Write): [key: string, row: AnyRow | undefined][] {
    requireWrite(schema.tables, write)
    const table = tableOf(write.table)
    if (write.op === 'removeAll') return table.find(write.index, write.values).map((key) => [key, undefined])
    const key = keyText(table.definition.key, 'row' in write ? write.row : write.key)
    const before = table.get(key)
    switch (write.op) {
      case 'insert':
        if (before !== undefined) throw new StoreConflict(`${write.table}: the row to insert is already there`)
        return [[key, copyOf(write.row)]]
      case 'put':
        return [[key, copyOf(write.row)]]
      case 'putIfAbsent':
        return before === undefined ? [[key, copyOf(write.row)]] : []
      case 'remove': {
        const where = Object.keys(write.where ?? {})
        const isMeant = before !== undefined && keyText(where, before) === keyText(where, write.where ?? {})
        return isMeant ? [[key, undefined]] : []
      }
      case 'update': {
        const isNext = !table.definition.versioned || write.changes.version === Number(before?.version) + 1
        if (before === undefined || !isNext) {
          throw new StoreConflict(`${write.table}: the row to update is not there, or of another version`)
        }
        return [[key, { ...before, ...copyOf(write.changes) }]]
      }
    }
  }

  function carryOut(writes: readonly Write[]): void {
    const undo: (() => void)[] = []
    try {
      for (const write of writes) {
        const table = tableOf(write.table)
        for (const [key, row] of changesOf(write)) {
          const before = table.get(key)
          table.set(key, row)
          undo.push(() => table.set(key, before))
        }
      }
    } catch (error) {
      for (const step of undo.reverse()) step()
      throw error
    }
  }

  async function* pages(name: string, options?: StoreOptions & { readonly size?: number }) {
    requireOpen(options)
    requireLimit(options?.size, 1)
    definitionOf(schema.tables, name)
    const table = tableOf(name)
    const keys = table.keys()
    const size = options?.size ?? defaultPageSize
    for (let at = 0; at < keys.length; at += size) {
      requireOpen(options)
      const rows = copiesOf(table, keys.slice(at, at + size))
      if (rows.length > 0) yield rows as never
    }
  }

  return {
    supports: { durable: false, encrypted: false },
    closed,
    pages,
    async read(queries, options) {
      requireOpen(options)
      return answers(queries)
    },
    async atomic(queries, decide, options) {
      requireOpen(options)
      const { writes, result } = decide(answers(queries))
      carryOut(writes)
      return result
    },
    async last(name, options) {
      requireOpen(options)
      const { definition, get, keys } = tableOf(name)
      const last = keys().at(-1)
      return last === undefined ? 0 : Number(get(last)?.[definition.key[0] ?? ''])
    },
    async close() {
      isClosed = true
      settle(undefined)
    },
    async [Symbol.asyncDispose]() {
      await this.close()
    },
  }
}
