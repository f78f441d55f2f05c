// Rows of one kind in memory, found by their key and by further fields.

/** A key of a row, or `undefined` for rows that the index leaves out. */
type KeyOf<R> = (row: R) => string

export class Table<R, I extends string = never> {
  readonly #rows = new Map<string, R>()
  readonly #indexes: Record<I, Map<string, Set<string>>>

  constructor(
    readonly keyOf: KeyOf<R>,
    readonly indexKeys: Record<I, KeyOf<R>>,
  ) {
    this.#indexes = Object.fromEntries(Object.keys(indexKeys).map((name) => [name, new Map()])) as never
  }

  get size(): number {
    return this.#rows.size
  }

  get(key: string): R | undefined {
    return this.#rows.get(key)
  }

  values(): IterableIterator<R> {
    return this.#rows.values()
  }

  /** Replaces the row of this key. */
  put(row: R): void {
    const key = this.keyOf(row)
    const before = this.#rows.get(key)
    this.#rows.set(key, row)
    for (const name in this.#indexes) {
      const value = this.indexKeys[name](row)
      if (before !== undefined) {
        const valueBefore = this.indexKeys[name](before)
        if (valueBefore === value) continue
        this.#leave(name, valueBefore, key)
      }
      const index = this.#indexes[name]
      const keys = index.get(value)
      if (keys) keys.add(key)
      else index.set(value, new Set([key]))
    }
  }

  #leave(name: I, value: string, key: string): void {
    const index = this.#indexes[name]
    const keys = index.get(value)
    keys?.delete(key)
    if (keys?.size === 0) index.delete(value)
  }

  remove(key: string): R | undefined {
    const row = this.#rows.get(key)
    if (row === undefined) return undefined
    this.#rows.delete(key)
    for (const name in this.#indexes) this.#leave(name, this.indexKeys[name](row), key)
    return row
  }

  *find(index: I, value: string): Generator<R> {
    for (const key of this.#indexes[index].get(value) ?? []) yield this.#rows.get(key) as R
  }

  count(index: I, value: string): number {
    return this.#indexes[index].get(value)?.size ?? 0
  }
}
