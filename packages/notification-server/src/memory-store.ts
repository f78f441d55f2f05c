// design.md §5: the store in memory: for tests and demonstrations, where nothing has to survive the process.
import { openMemoryTables } from '@smpkit/agent-store/internal'
import type { NotificationStore } from './store.js'
import { notificationStore } from './table-store.js'
import { schema } from './tables.js'

/** A store in memory. It may be handed to a second server after the first one ended, however that ended. */
export const memoryStore = (): NotificationStore => notificationStore(openMemoryTables(schema), 0)
