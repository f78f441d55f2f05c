import type { AgentStore } from '@smpkit/agent-store'
import type { NotificationStore } from '@smpkit/notification-server'

export type StorageOf =
  | { readonly kind: 'sqlite'; readonly folder: string }
  | { readonly kind: 'postgres'; readonly url: string; readonly schema: string }

export interface Storage {
  readonly store: NotificationStore
  readonly agentStore: AgentStore
  release(): Promise<void>
}

export interface StorageOptions {
  /** A database that loses what it has written last. */
  readonly writesLate?: boolean
  /** The stores end with their connection, as where a stand-by waits. */
  readonly endWhenLost?: boolean
}

export function openStorage(storage: StorageOf, options?: StorageOptions): Promise<Storage>
