// Spec 30 §5: what is asked of subscriptions, and what is told of them.
import type { PrivateAuthKey } from '@smpkit/crypto'
import type { ServerAddress } from '@smpkit/smp-commands/address'
import type { Along } from './along.js'
import type { NotificationServerError } from './errors.js'
import type { SubscriptionStatus } from './rows.js'
import type { PlannedItem } from './subscription-rules.js'
import type { AddedToken, NewToken } from './tokens.js'

/** What is to be subscribed. */
export interface SubscriptionItem {
  /** As the owner knows it: pushes name the queue by this address. As text `smp://…`, without a password. */
  readonly server: ServerAddress | string
  readonly notifierId: Uint8Array
  readonly notifierKey: PrivateAuthKey
  /** The id of a token of the same owner, whatever its status; or a token that is registered as by `tokens.add`. */
  readonly token: string | Omit<NewToken, 'owner' | 'along'>
}

export interface NewSubscription extends SubscriptionItem {
  readonly owner: string
  /** For how many milliseconds to wait for the SMP server: 0 to 15,000, which is the default. */
  readonly wait?: number
  readonly signal?: AbortSignal
}

export interface NewSubscriptions {
  readonly owner: string
  /** What of a request does not fit goes as the error that it is. */
  readonly items: readonly (SubscriptionItem | { readonly error: NotificationServerError })[]
  /** Whether the first answers of the SMP servers are going to be waited for, by `settle`. */
  readonly awaited: boolean
  readonly along?: Along<readonly PlannedItem[]> | undefined
}

/** What was begun, also by an earlier process. */
export interface BegunSubscription {
  readonly id: string
  /** The owner did not have it before. */
  readonly created: boolean
  /** Of a token that came with the subscription. */
  readonly token: AddedToken | null
}

export interface Unsettled<B extends BegunSubscription = BegunSubscription> {
  readonly items: readonly (B | { readonly error: NotificationServerError })[]
  /** For how many milliseconds to wait for the SMP servers, at most 15,000. */
  readonly wait: number
  readonly signal?: AbortSignal | undefined
  readonly along?: Along<readonly AddedItem[]> | undefined
}

export interface SubscriptionState {
  readonly id: string
  readonly status: SubscriptionStatus
  readonly reason: string | null
  /** When the status changed, in milliseconds. */
  readonly updatedAt: number
}

export interface AddedSubscription extends SubscriptionState, BegunSubscription {}

export type AddedItem = AddedSubscription | { readonly error: NotificationServerError }

export interface ListOptions {
  readonly owner: string
  /** Only those of this status. */
  readonly status?: SubscriptionStatus | undefined
  /** Only those whose status changed then or later, in milliseconds. */
  readonly since?: number | undefined
  /** Those after this id. */
  readonly after?: string | undefined
  readonly limit: number
}

export interface SubscriptionList {
  readonly items: readonly SubscriptionState[]
  readonly more: boolean
}

/** Names several of an owner. */
export interface OwnedSubscriptions {
  readonly owner: string
  readonly ids: readonly string[]
}

export interface RemovedSubscriptions extends OwnedSubscriptions {
  readonly along?: Along<readonly (NotificationServerError | undefined)[]> | undefined
}
