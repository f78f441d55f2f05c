// Spec 20 §7, 30 §5: what a client asks of a notification server; in which protocol is the matter of an implementation.
import type { ServiceInfo, TokenState } from '@smpkit/service-protocol/notification'
import type { ConnectionId, NotifierCredentials } from '@smpkit/smp-agent'
import type { NotificationClientError } from './errors.js'
import type { Device, DeviceRecord, QueueRecord } from './state.js'

/** A device that the server knows. */
export type Registered = DeviceRecord & { readonly token: NonNullable<DeviceRecord['token']> }

export const isRegistered = (record: DeviceRecord | undefined): record is Registered => !!record?.token

/** `subscriptions`: where the server counts them. */
export type TokenCheck = Pick<TokenState, 'status' | 'reason'> & Partial<Pick<TokenState, 'subscriptions'>>

/** What has become of a request to subscribe: it has an id, or the notifier has to be replaced, or it cannot be for now. */
export type SubscriptionResult =
  | { readonly outcome: 'subscribed'; readonly id: string }
  | { readonly outcome: 'taken' }
  | { readonly outcome: 'refused'; readonly problem: NotificationClientError }

/** All that waits throws Refusal, or what `problemOf` tells; after `lose` and the end of the client at once. */
export interface ServerSide {
  /** That what is stored belongs to; `undefined` where nothing is. */
  readonly address: string | undefined
  /** What is stored is of no use any more: `leave` and `forget` are to follow. */
  readonly isLeaving: boolean
  /** In milliseconds since 1970: when `over` has something to ask next. */
  readonly nextCheck: number

  /** Whether requests can be made; if not, it tells when they can. */
  ensure(address: string): Promise<boolean>
  info(): Promise<ServiceInfo>

  /** May be repeated: the same token, and another push with the code. */
  register(record: DeviceRecord): Promise<Pick<Registered['token'], 'id' | 'dhKey'> & { readonly isActive: boolean }>
  replace(record: Registered, device: Device): Promise<void>
  /** `false`: it is not the code any more, another one is on its way. */
  verify(record: Registered, code: Uint8Array): Promise<boolean>
  setPeriod(record: Registered, minutes: number): Promise<void>
  check(record: Registered): Promise<TokenCheck>

  /** Of a token that is active. A result for each, as they come. */
  subscribe(
    record: Registered,
    wanted: readonly NotifierCredentials[],
  ): AsyncIterable<readonly [NotifierCredentials, SubscriptionResult]>
  /** What is not there any more need not be deleted. */
  unsubscribe(record: Registered, ids: readonly string[]): Promise<void>
  /** Those that have come to an end at the server. */
  over(record: Registered, queues: ReadonlyMap<ConnectionId, QueueRecord>): AsyncIterable<ConnectionId>
  /** All of them are asked for again. */
  checkAll(): void
  /** Deletes what only the server knows. Which the server has to be told of again; `null` if both sides agree. */
  repair(
    record: Registered,
    check: TokenCheck,
    queues: ReadonlyMap<ConnectionId, QueueRecord>,
  ): Promise<readonly ConnectionId[] | null>

  lose(): Promise<void>
  /** Sees to it that the server forgets us, now or later. May be repeated. */
  leave(record: DeviceRecord | undefined): Promise<void>
  forget(): Promise<void>
  /** Ends what waits for answers. */
  close(): Promise<void>
}

export function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size)
}
