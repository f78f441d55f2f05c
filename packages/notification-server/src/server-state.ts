// Spec 30 §6: what is known of an SMP server, and how it stands in its row.
import type { ServerAddress } from '@smpkit/smp-commands/address'
import type { ServerRow } from './rows.js'

export interface ServerStatus {
  /** As it is reached. */
  readonly address: string
  readonly up: boolean
  /** When `up` changed, in milliseconds; `null` if it never did. */
  readonly since: number | null
  /** Why it is down. */
  readonly reason: string | null
  /** Whether its queues are subscribed as those of a service, all at once. */
  readonly byService: boolean
  /** Notifications from it since the start. */
  readonly received: Received
}

export interface Received {
  /** Of subscriptions. */
  readonly known: number
  /** Of queues without one, or with one whose token takes none at present. */
  readonly unknown: number
}

export const plus = (a: Received, b: Received): Received => ({
  known: a.known + b.known,
  unknown: a.unknown + b.unknown,
})

export interface ServerState {
  row: ServerRow
  address: ServerAddress
  up: boolean
  since: number | null
  reason: string | null
  /** What the server called our service last. */
  serviceId: Uint8Array | null
  /** Whether the present session is that of the service. */
  byService: boolean
  received: Received
  moving: boolean
  /** Sessions that did not end orderly. */
  losses: number
  /** When it was last looked for at another address. */
  probedAt: number
}

export function newState(row: ServerRow, address: ServerAddress): ServerState {
  return {
    row,
    address,
    up: false,
    // While we were not there it went neither up nor down.
    since: row.up ? null : row.changedAt,
    reason: row.up ? null : row.reason,
    serviceId: row.serviceId,
    byService: false,
    received: { known: 0, unknown: 0 },
    moving: false,
    losses: 0,
    probedAt: Number.NEGATIVE_INFINITY,
  }
}

export function statusOf({ row, up, since, reason, byService, received }: ServerState): ServerStatus {
  return { address: row.address, up, since, reason, byService, received }
}

/** How a state stands in its row. */
export function savedState(of: ServerState | ServerRow): Pick<ServerRow, 'up' | 'changedAt' | 'reason' | 'serviceId'> {
  const { up, reason, serviceId } = of
  return { up, changedAt: 'since' in of ? of.since : of.changedAt, reason, serviceId }
}

/** Whether the row says so already. */
export function isSaved({ row, ...state }: ServerState): boolean {
  const { up, since, reason, serviceId } = state
  return row.up === up && row.changedAt === since && row.reason === reason && row.serviceId === serviceId
}
