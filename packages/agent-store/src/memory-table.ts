// One table in memory, with its indexes.
import { StoreConflict } from './errors.js'
import { keyText } from './order.js'
import type { AnyRow } from './queries.js'
import { withoutLast } from './rows.js'
import type { TableDefinition } from './table.js'

export interface MemoryTable {
  readonly definition: TableDefinition
  get(key: string): AnyRow | undefined
  /** The keys of all rows, in order. */
  keys(): readonly string[]
  /** The keys of the rows that have these values in the columns of an index, in order. */
  find(index: string, values: AnyRow): readonly string[]
  count(index: string, values: AnyRow): number
  /** The first keys of an ordered index. */
  first(ordered: string, values: AnyRow, limit: number, upTo: number): readonly string[]
  /** Throws StoreConflict if another row has the same values of a unique index. */
  set(key: string, row: AnyRow | undefined): void
}

/** Keys that are sorted when somebody wants them in order, and again only after others came or went. */
class SortedKeys {
  readonly keys = new Set<string>()
  #sorted: readonly string[] | undefined

  add(key: string): void {
    this.keys.add(key)
    this.#sorted = undefined
  }

  delete(key: string): void {
    this.keys.delete(key)
    this.#sorted = undefined
  }

  get sorted(): readonly string[] {
    this.#sorted ??= [...this.keys].sort()
    return this.#sorted
  }
}

class Index {
  readonly #groups = new Map<string, SortedKeys>()

  constructor(
    readonly columns: readonly string[],
    readonly isUnique: boolean,
  ) {}

  /** `undefined` for a row that the index does not find. */
  #valueOf(row: AnyRow | undefined): string | undefined {
    if (row === undefined || this.columns.some((name) => row[name] === null)) return undefined
    return keyText(this.columns, row)
  }

  group(values: AnyRow): SortedKeys | undefined {
    return this.#groups.get(keyText(this.columns, values))
  }

  hasAnother(key: string, row: AnyRow): boolean {
    if (!this.isUnique) return false
    const keys = this.#groups.get(this.#valueOf(row) ?? '')?.keys
    return keys !== undefined && !keys.has(key) && keys.size > 0
  }

  change(key: string, before: AnyRow | undefined, after: AnyRow | undefined): void {
    const [from, to] = [this.#valueOf(before), this.#valueOf(after)]
    if (from === to) return
    if (from !== undefined) {
      const group = this.#groups.get(from)
      group?.delete(key)
      if (group?.keys.size === 0) this.#groups.delete(from)
    }
    if (to !== undefined) {
      const group = this.#groups.get(to) ?? new SortedKeys()
      group.add(key)
      this.#groups.set(to, group)
    }
  }
}

export function createMemoryTable(name: string, definition: TableDefinition): MemoryTable {
  const rows = new Map<string, AnyRow>()
  const all = new SortedKeys()
  const { unique } = definition
  const indexes = new Map(
    Object.entries(definition.indexes).map(([name, columns]) => [name, new Index(columns, unique.includes(name))]),
  )
  const ordered = new Map(
    Object.entries(definition.ordered).map(([name, columns]) => [name, new Index(withoutLast(columns), false)]),
  )
  const everyIndex = [...indexes.values(), ...ordered.values()]

  return {
    definition,
    get: (key) => rows.get(key),
    keys: () => all.sorted,
    find: (index, values) => indexes.get(index)?.group(values)?.sorted ?? [],
    count: (index, values) => indexes.get(index)?.group(values)?.keys.size ?? 0,
    first(index, values, limit, upTo) {
      const column = definition.ordered[index]?.at(-1) ?? ''
      const found: { key: string; at: number }[] = []
      for (const key of ordered.get(index)?.group(values)?.keys ?? []) {
        const at = rows.get(key)?.[column]
        if (typeof at === 'number' && at <= upTo) found.push({ key, at })
      }
      found.sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1))
      return found.slice(0, limit).map(({ key }) => key)
    },
    set(key, row) {
      const before = rows.get(key)
      if (row && everyIndex.some((index) => index.hasAnother(key, row))) {
        throw new StoreConflict(`${name}: another row has the same values of a unique index`)
      }
      for (const index of everyIndex) index.change(key, before, row)
      if (row === undefined) {
        rows.delete(key)
        all.delete(key)
      } else {
        rows.set(key, row)
        if (before === undefined) all.add(key)
      }
    },
  }
}
