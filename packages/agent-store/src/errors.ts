// design.md §5: what goes wrong with a store.
export type StoreErrorCode =
  /** Another row, or another version of it, was there. */
  | 'CONFLICT'
  /** The database is of a newer version of this package, or a migration was changed afterwards. */
  | 'NEWER'
  | 'CHECKSUM'
  /** The key is missing, wrong, or not needed. */
  | 'KEY'
  /** Another process has the database. */
  | 'LOCKED'
  /** It is away, full, or busy. */
  | 'UNAVAILABLE'
  /** What it gave cannot be read: wrong types, or a cell whose encryption does not verify. */
  | 'CORRUPT'
  | 'CLOSED'
  /** A row, key or query that the tables do not have. */
  | 'INVALID'

export class StoreError extends Error {
  override readonly name: string = 'StoreError'
  readonly temporary: boolean

  constructor(
    readonly code: StoreErrorCode,
    message: string,
    { temporary = false, cause }: { temporary?: boolean; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.temporary = temporary
  }
}

/** Nothing was written: the rows are not what the caller thought. */
export class StoreConflict extends StoreError {
  override readonly name = 'StoreConflict'

  constructor(message: string) {
    super('CONFLICT', message)
  }
}
