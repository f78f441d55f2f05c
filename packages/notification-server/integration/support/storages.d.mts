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

export function openStorage(storage: StorageOf, options?: { readonly writesLate?: boolean }): Promise<Storage>
