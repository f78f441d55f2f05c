// What the parts of a pool need of each other.
import type { PrivateAuthKey } from '@smpkit/crypto'
import type { BackOffOptions, Clock } from '@smpkit/encoding/internal'
import type { Connect, ServiceCredentials } from './connect.js'
import type { PooledServer } from './pooled-server.js'
import type { SmpClientSession } from './session.js'
import type { SessionEvent, SessionOptions } from './session-options.js'
import type { ServiceEnd, Subscription } from './subscriptions.js'

export type MaybePromise<T> = T | Promise<T>

export interface QueueSubscription {
  /** The recipient id for messages, the notifier id for notifications. */
  readonly id: Uint8Array
  readonly key: PrivateAuthKey
  /** Of our service, if the server told earlier that the queue belongs to it (`SubscriptionOutcome.serviceId`). */
  readonly serviceId?: Uint8Array | null
}

/** What a server needs of its pool. */
export interface PoolContext {
  readonly connect: Connect | undefined
  readonly session: SessionOptions
  readonly clock: Clock
  readonly random: () => number
  readonly reconnect: BackOffOptions
  readonly connectTimeout: number
  /** Resolves when the server may connect, with what to call afterwards; see `ConnectTurns`. */
  connectTurn(failing: boolean, signal: AbortSignal): Promise<() => void>
  service(server: PooledServer): MaybePromise<ServiceCredentials | null | undefined>
  readonly serviceEnd: ServiceEnd
  onStatus(server: PooledServer): void
  /** Its events no longer wait for room. */
  onClosing(server: PooledServer): void
  onClosed(server: PooledServer): void
  onSubscription(subscription: Subscription): void
  onForgotten(subscription: Subscription): void
  /** Resolves when there is room for the next one, or the server is closing. */
  onEvent(server: PooledServer, session: SmpClientSession, event: SessionEvent): Promise<void>
}
