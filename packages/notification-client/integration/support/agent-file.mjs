// The store of an agent in a folder, for the tests and for processes of their own.
import path from 'node:path'
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import Database from 'better-sqlite3'

export const openAgentFile = (folder) => openSqliteStore(new Database(path.join(folder, 'agent.db')))
