// `Admin` for a server that does not run: with its databases.
import type { Admin } from './admin.js'
import { backupDatabases } from './backup.js'
import type { Config } from './config-keys.js'
import type { Databases } from './databases.js'
import { outboxReport, storedStatus, tokenReports } from './reports.js'
import { addressOf } from './wire.js'

export const storedAdmin = (config: Config, databases: Databases, signal: AbortSignal): Admin => ({
  status: () => storedStatus(databases.notifications),
  tokens: (options) => tokenReports(databases.notifications, options),
  outbox: ({ limit }) => outboxReport(databases.notifications, limit),
  address: () => addressOf(config, databases, signal),
  backup: ({ folder }) => backupDatabases(config, databases, folder),
})
