// design.md §5: what makes a store of tables another one than its neighbour in the same database.
import type { TableSet } from './table.js'

export interface Migration {
  /** 1, 2, … */
  readonly number: number
  readonly name: string
  readonly sqlite: string
  readonly postgres: string
}

export interface Schema<T extends TableSet = TableSet> {
  /** Begins the names of all tables in the database, those of `…_meta` and `…_migrations` too, and is in the labels of derived keys. */
  readonly name: string
  /** The first half of the advisory lock in PostgreSQL: an `int4` that no other program has. */
  readonly lock: number
  readonly tables: T
  /** They make the tables: see `tableName` and `storedColumns`. The first one also makes `…_meta` with `name` and `value`. */
  readonly migrations: readonly Migration[]
  /** SQL of both databases for a restored copy; carried out in one transaction with the removal of its mark. */
  readonly onRestore: readonly string[]
}
