import type { SqliteStore } from '@smpkit/agent-store/sqlite'

export function openAgentFile(folder: string): Promise<SqliteStore>
