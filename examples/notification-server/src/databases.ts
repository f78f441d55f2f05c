// The two stores that the config names: files of SQLite, or one database of PostgreSQL.
import { type AgentStore, StoreError } from '@smpkit/agent-store'
import { readStoreKey } from '@smpkit/agent-store/key-file'
import { openPostgresStore } from '@smpkit/agent-store/postgres'
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import type { NotificationStore } from '@smpkit/notification-server'
import { openPostgresNotificationStore } from '@smpkit/notification-server/postgres'
import { openSqliteNotificationStore } from '@smpkit/notification-server/sqlite'
import { databaseError, openPostgresPool, openSqliteFile } from 'example-chat'
import type { Config } from './config-keys.js'

interface Kept {
  close(): Promise<void>
  rekey(key: Uint8Array | null): Promise<void>
  markRestored(): Promise<void>
  /** PostgreSQL has tools of its own. */
  backup?(file: string): Promise<void>
}

export interface Databases extends AsyncDisposable {
  readonly notifications: NotificationStore & Kept
  readonly agent: AgentStore & Kept
  close(): Promise<void>
}

interface KeyOptions {
  readonly key: Uint8Array | null
  readonly signal?: AbortSignal | undefined
}

interface LockOptions extends KeyOptions {
  readonly waitForLock: boolean
  readonly endWhenLost: boolean
}

/** How each of the two is opened. */
interface Opener {
  notifications(options: LockOptions): Promise<Databases['notifications']>
  agent(options: LockOptions): Promise<Databases['agent']>
  /** After all that was opened is closed. */
  close(): Promise<void>
}

async function openerOf({ database }: Config): Promise<Opener> {
  const { url, file, agent_file } = database
  if (url === undefined) {
    return {
      notifications: async (options) => openSqliteNotificationStore(await openSqliteFile(file), options),
      agent: async (options) => openSqliteStore(await openSqliteFile(agent_file), options),
      close: async () => {},
    }
  }
  const pool = await openPostgresPool(url)
  return {
    notifications: (options) => openPostgresNotificationStore(pool, options),
    agent: (options) => openPostgresStore(pool, options),
    close: () => pool.end(),
  }
}

/** Of the key file; `null` where nothing is encrypted. @throws StoreError `KEY` */
export async function databaseKey({ database }: Config): Promise<Uint8Array | null> {
  return database.key_file === undefined ? null : readStoreKey(database.key_file)
}

const settings = { database: '[database]', keyFile: 'key_file in [database]' }

const nameOf = ({ database }: Config) => database.url ?? database.file

/**
 * `waitForLock`: as one of several processes, until no other one has them. Then the stores also end when their connection is lost: another
 * process may have them by then.
 * @throws ProgramError that says what to do, or the reason of the signal
 */
export async function openDatabases(
  config: Config,
  { signal, waitForLock = false }: { readonly signal?: AbortSignal; readonly waitForLock?: boolean } = {},
): Promise<Databases> {
  const opened: { close(): Promise<void> }[] = []
  const close = async () => {
    for (const one of opened.splice(0).reverse()) await one.close()
  }
  const keep = <C extends { close(): Promise<void> }>(one: C): C => {
    opened.push(one)
    return one
  }
  try {
    const options = { key: await databaseKey(config), waitForLock, endWhenLost: waitForLock, signal }
    const opener = keep(await openerOf(config))
    // Always in the same order: of two processes, one gets both.
    const notifications = keep(await opener.notifications(options))
    const agent = keep(await opener.agent(options))
    return { notifications, agent, close, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    if (signal?.aborted) throw error
    throw databaseError(nameOf(config), error, settings)
  }
}

export interface RekeyOptions extends KeyOptions {
  readonly before: Uint8Array | null
}

/** A database that has the new key already is left as it is. @throws ProgramError, or the reason of the signal */
export async function rekeyDatabases(config: Config, { before, key, signal }: RekeyOptions): Promise<void> {
  try {
    const opener = await openerOf(config)
    try {
      for (const name of ['notifications', 'agent'] as const) {
        const open = (key: Uint8Array | null) => opener[name]({ key, waitForLock: false, endWhenLost: false, signal })
        const { store, done } = await openWithEither(open, before, key)
        try {
          if (!done) await store.rekey(key)
        } finally {
          await store.close()
        }
      }
    } finally {
      await opener.close()
    }
  } catch (error) {
    if (signal?.aborted) throw error
    throw databaseError(nameOf(config), error, settings)
  }
}

async function openWithEither(
  open: (key: Uint8Array | null) => Promise<Kept>,
  before: Uint8Array | null,
  after: Uint8Array | null,
): Promise<{ readonly store: Kept; readonly done: boolean }> {
  try {
    return { store: await open(before), done: false }
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'KEY')) throw error
    return { store: await open(after), done: true }
  }
}
