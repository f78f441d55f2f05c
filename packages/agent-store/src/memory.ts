// The contract in memory: for tests, and for agents that need not survive their process.
import { toHex } from '@smpkit/encoding'
import {
  type AgentStore,
  type Decision,
  type Found,
  type Queries,
  type Query,
  StoreConflict,
  StoreError,
  type StoreOptions,
  type Write,
} from './contract.js'
import {
  type AnyRow,
  copyOf,
  defaultPageSize,
  definitionOf,
  mapTables,
  requireLimit,
  requireQuery,
  requireWrite,
} from './rows.js'
import type { TableDefinition } from './table.js'
import type { Row, TableName } from './tables.js'

const utf8 = new TextEncoder()

/** Of the same order as what it is made from, in each column: so sorting texts sorts by primary key. */
function sortable(value: unknown): string {
  if (value instanceof Uint8Array) return toHex(value)
  if (typeof value === 'number') return (BigInt(value) + 2n ** 53n).toString(16).padStart(14, '0')
  return toHex(utf8.encode(String(value)))
}

// `!` is less than any hexadecimal digit, so that a value comes before what it is the beginning of.
const keyOf = (columns: readonly string[], row: AnyRow): string => columns.map((name) => sortable(row[name])).join('!')

/** Of those that are there. */
function copiesOf({ rows }: MemoryTable, keys: readonly string[]): AnyRow[] {
  return keys.flatMap((key) => {
    const row = rows.get(key)
    return row === undefined ? [] : [copyOf(row)]
  })
}

interface MemoryTable {
  readonly definition: TableDefinition
  /** By the sortable text of the primary key. */
  readonly rows: ReadonlyMap<string, AnyRow>
  /** The keys of the rows that have these values in the columns of an index, in order. */
  find(index: string, values: AnyRow): string[]
  set(key: string, row: AnyRow | undefined): void
}

function createTable(definition: TableDefinition): MemoryTable {
  const rows = new Map<string, AnyRow>()
  const indexes = Object.entries(definition.indexes).map(([name, columns]) => ({
    name,
    columns,
    keys: new Map<string, Set<string>>(),
  }))

  return {
    definition,
    rows,
    find(name, values) {
      const index = indexes.find((candidate) => candidate.name === name)
      return [...(index?.keys.get(keyOf(index.columns, values)) ?? [])].sort()
    },
    set(key, row) {
      const before = rows.get(key)
      for (const { columns, keys } of indexes) {
        const valueBefore = before && keyOf(columns, before)
        const value = row && keyOf(columns, row)
        if (valueBefore === value) continue
        if (valueBefore !== undefined) {
          keys.get(valueBefore)?.delete(key)
          if (keys.get(valueBefore)?.size === 0) keys.delete(valueBefore)
        }
        if (value !== undefined) keys.set(value, (keys.get(value) ?? new Set()).add(key))
      }
      if (row === undefined) rows.delete(key)
      else rows.set(key, row)
    },
  }
}

/** A store that is empty at first, and gone with the process. */
export function openMemoryStore(): AgentStore {
  const tables = mapTables(createTable)
  let isClosed = false
  let settle = (_why: undefined): void => {}
  const closed = new Promise<undefined>((resolve) => {
    settle = resolve
  })

  function requireOpen(options: StoreOptions | undefined): void {
    if (isClosed) throw new StoreError('CLOSED', 'the store is closed')
    options?.signal?.throwIfAborted()
  }

  function answer(query: Query): AnyRow | undefined | AnyRow[] {
    requireQuery(query)
    const table = tables[query.table]
    if ('key' in query) {
      const row = table.rows.get(keyOf(table.definition.key, query.key))
      return row && copyOf(row)
    }
    return copiesOf(table, table.find(query.index, query.values).slice(0, query.limit))
  }

  const answers = <Q extends Queries>(queries: Q): Found<Q> =>
    Object.fromEntries(Object.entries(queries).map(([name, query]) => [name, answer(query)])) as Found<Q>

  /** The rows that a write changes: what they are afterwards. */
  function changesOf(write: Write): [key: string, row: AnyRow | undefined][] {
    requireWrite(write)
    const table = tables[write.table]
    if (write.op === 'removeAll') return table.find(write.index, write.values).map((key) => [key, undefined])
    const key = keyOf(table.definition.key, 'row' in write ? write.row : write.key)
    const before = table.rows.get(key)
    switch (write.op) {
      case 'insert':
        if (before !== undefined) throw new StoreConflict(`${write.table}: the row to insert is already there`)
        return [[key, copyOf(write.row)]]
      case 'put':
        return [[key, copyOf(write.row)]]
      case 'remove':
        return [[key, undefined]]
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
        const table = tables[write.table]
        for (const [key, row] of changesOf(write)) {
          const before = table.rows.get(key)
          undo.push(() => table.set(key, before))
          table.set(key, row)
        }
      }
    } catch (error) {
      for (const step of undo.reverse()) step()
      throw error
    }
  }

  async function* pages<N extends TableName>(name: N, options?: StoreOptions & { readonly size?: number }) {
    requireOpen(options)
    requireLimit(options?.size, 1)
    definitionOf(name)
    const table = tables[name]
    const keys = [...table.rows.keys()].sort()
    const size = options?.size ?? defaultPageSize
    for (let at = 0; at < keys.length; at += size) {
      requireOpen(options)
      const rows = copiesOf(table, keys.slice(at, at + size))
      if (rows.length > 0) yield rows as unknown as readonly Row<N>[]
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
    async atomic<Q extends Queries, R>(queries: Q, decide: (found: Found<Q>) => Decision<R>, options?: StoreOptions) {
      requireOpen(options)
      const { writes, result } = decide(answers(queries))
      carryOut(writes)
      return result
    },
    async last(name, options) {
      requireOpen(options)
      const { definition, rows } = tables[name]
      const [column = ''] = definition.key
      return [...rows.values()].reduce((last, row) => Math.max(last, Number(row[column])), 0)
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
