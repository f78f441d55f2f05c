// Where a notification server of these tests keeps what it has: described by plain values, so that another process can open it, too.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { openPostgresStore } from '@smpkit/agent-store/postgres'
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import { openPostgresNotificationStore } from '@smpkit/notification-server/postgres'
import { openSqliteNotificationStore } from '@smpkit/notification-server/sqlite'
import Database from 'better-sqlite3'
import pg from 'pg'

/** What is lost with the process if it is killed, in milliseconds. */
const writeBehind = 1000

/** A database that says that it has written, and does so later. */
function forgetfulDatabase(file) {
  const database = new Database(existing(file))
  setInterval(() => {
    writeFileSync(`${file}.new`, database.serialize())
    renameSync(`${file}.new`, file)
  }, writeBehind).unref()
  return database
}

function existing(file) {
  try {
    return readFileSync(file)
  } catch {
    return ':memory:'
  }
}

/** The stores, and what has to be done after they were closed. `writesLate`: a server that answers before it writes. */
export async function openStorage({ kind, folder, url, schema }, { writesLate = false, endWhenLost = false } = {}) {
  if (kind === 'sqlite') {
    const file = path.join(folder, 'notifications.db')
    const store = await openSqliteNotificationStore(writesLate ? forgetfulDatabase(file) : new Database(file))
    const agentStore = await openSqliteStore(new Database(path.join(folder, 'agent.db')))
    return { store, agentStore, release: async () => {} }
  }
  const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}`, pipeline: true, max: 4 })
  // Connections are cut when the database is dropped.
  pool.on('error', () => {})
  // The locks of a process that was killed go when the server has noticed; of two that wait only one goes on.
  const store = await openPostgresNotificationStore(pool, { waitForLock: true, endWhenLost })
  const agentStore = await openPostgresStore(pool, { waitForLock: true, endWhenLost })
  return { store, agentStore, release: () => pool.end() }
}
