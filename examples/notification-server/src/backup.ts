// Copies of the databases, also while they are used.
import path from 'node:path'
import { usageError } from 'example-chat'
import type { Config } from './config-keys.js'
import type { Databases } from './databases.js'

/** The copies' names. The tokens and subscriptions first: a client that comes in between connects again, and is known to both. */
export async function backupDatabases(
  config: Config,
  databases: Databases,
  folder: string,
): Promise<readonly string[]> {
  const { notifications, agent } = databases
  if (notifications.backup === undefined || agent.backup === undefined) {
    throw usageError('PostgreSQL has its own tools for backups: see pg_dump, and "start --restored" after a restore')
  }
  const { file, agent_file } = config.database
  const copies = [file, agent_file].map((one) => path.join(folder, path.basename(one)))
  const [first = '', second = ''] = copies
  await notifications.backup(first)
  await agent.backup(second)
  return copies
}
