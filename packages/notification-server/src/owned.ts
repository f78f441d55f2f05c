// Spec 30 §5 Ownership: rows are found for their owner only.
import { NotificationServerError } from './errors.js'
import type { TombstoneRow } from './rows.js'

/** Names a row of an owner. */
export interface Owned {
  readonly owner: string
  readonly id: string
}

type RowName = 'token' | 'subscription'

/** @throws NotificationServerError NOT_FOUND, or GONE where there is a tombstone */
export function ownRow<R extends Owned>(
  rows: readonly R[],
  { owner, id }: Owned,
  name: RowName = 'token',
  tombstones: readonly TombstoneRow[] = [],
): R {
  const isIt = (one: Owned) => one.id === id && one.owner === owner
  const row = rows.find(isIt)
  if (row) return row
  if (tombstones.some(isIt)) {
    throw new NotificationServerError('GONE', name, `expected a ${name} that was not deleted`)
  }
  throw new NotificationServerError('NOT_FOUND', name, `expected a ${name} of this owner`)
}
