// Spec 30 §5 Ownership: rows are found for their owner only.
import { NotificationServerError } from './errors.js'

/** Names a row of an owner. */
export interface Owned {
  readonly owner: string
  readonly id: string
}

/** @throws NotificationServerError NOT_FOUND */
export function ownRow<R extends Owned>(
  rows: readonly R[],
  { owner, id }: Owned,
  name: 'token' | 'subscription' = 'token',
): R {
  const row = rows.find((one) => one.id === id && one.owner === owner)
  if (!row) throw new NotificationServerError('NOT_FOUND', name, `expected a ${name} of this owner`)
  return row
}
