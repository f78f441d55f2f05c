import type { ServerIdentity } from '@smpkit/smp-transport'
import type { Store } from './store.js'

/** What a server leaves to the next one: its identity and, in `store`, queues, messages, notifications and services. */
export interface ServerState {
  readonly identity: ServerIdentity
  readonly store: Store
}
