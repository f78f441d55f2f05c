// The stores that tests of agents run over; each can be opened again with what was written.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type AgentStore, openMemoryStore } from '@smpkit/agent-store'
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import Database from 'better-sqlite3'

/** Where one agent keeps its connections. */
export interface Storage {
  open(): Promise<AgentStore>
  /** Its process has ended. */
  close(store: AgentStore): Promise<void>
  drop(): Promise<void>
}

export type StorageFactory = () => Promise<Storage>

export const memoryStorage: StorageFactory = async () => {
  const store = openMemoryStore()
  return { open: async () => store, close: async () => {}, drop: () => store.close() }
}

/** A file of its own. */
export const sqliteStorage: StorageFactory = async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'smpkit-agent-'))
  return {
    open: () => openSqliteStore(new Database(path.join(folder, 'agent.db'))),
    close: (store) => store.close(),
    drop: async () => rmSync(folder, { recursive: true }),
  }
}
