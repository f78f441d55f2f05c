// How the packages become one server: databases, SMP servers, push providers, and the door for clients.
import {
  createNotificationServer,
  guardedConnect,
  type Logger,
  type NotificationServerMetrics,
  type PushReport,
} from '@smpkit/notification-server'
import { type ServiceDoor, serviceDoor } from '@smpkit/notification-server/service'
import { openAgent, type SmpAgent } from '@smpkit/smp-agent'
import type { Connect } from '@smpkit/smp-client'
import type { AddressReport, Admin } from './admin.js'
import { backupDatabases } from './backup.js'
import type { Config } from './config-keys.js'
import { limitsOf } from './config-limits.js'
import type { Databases } from './databases.js'
import { watchServers } from './own-servers.js'
import { createProviders } from './providers.js'
import type { RecentPushes } from './recent-pushes.js'
import { outboxReport, runningStatus, tokenReports } from './reports.js'

export interface RunningServer extends AsyncDisposable {
  readonly admin: Admin
  metrics(): NotificationServerMetrics
  /** Their names. */
  readonly providers: readonly string[]
  /** Settles when the server can go on no more: with the reason, unless it was closed. */
  readonly closed: Promise<Error | undefined>
  close(): Promise<void>
}

export interface StartOptions {
  readonly logger: Logger
  readonly recent: RecentPushes
  readonly onPush: (report: PushReport) => void
}

/** Strangers name servers: ours to make queues on, and those of clients, are reached alike. */
function connectOf({ smp: { allow, socks, socks_for } }: Config): Connect {
  return guardedConnect({ allow, ...(socks && { socks: { ...socks, for: socks_for } }) })
}

interface OpenDoor {
  readonly agent: SmpAgent
  readonly door: ServiceDoor
}

async function openDoor(config: Config, { agent: store }: Databases, connect: Connect): Promise<OpenDoor> {
  const agent = await openAgent({ store, servers: config.smp.servers, connect })
  return { agent, door: serviceDoor({ agent, name: config.server.name }) }
}

/** The databases stay the caller's. */
export async function startServer(
  config: Config,
  databases: Databases,
  { logger, recent, onPush }: StartOptions,
): Promise<RunningServer> {
  const limits = limitsOf(config.limits)
  const providers = createProviders(config)
  const closers = providers.map((provider) => () => provider.close())
  const close = async () => {
    for (const close of closers.splice(0).reverse()) await close()
  }
  try {
    const own = watchServers(connectOf(config), config.smp.servers, logger)
    const { agent, door } = await openDoor(config, databases, own.connect)
    closers.push(() => agent.close())
    const server = await createNotificationServer({
      smp: { connect: connectOf(config) },
      serviceCertificates: config.smp.service_certificates,
      store: databases.notifications,
      providers,
      doors: [door],
      limits,
      logger,
      onPush(report) {
        recent.add(report)
        onPush(report)
      },
    })
    closers.push(() => server.close())
    const startedAt = Date.now()
    const store = databases.notifications
    return {
      providers: providers.map(({ name }) => name),
      admin: {
        status: async () => runningStatus(await server.status(), own.list(), startedAt, recent.list()),
        tokens: (options) => tokenReports(store, options),
        outbox: ({ limit }) => outboxReport(store, limit),
        address: async () => reportOf(await door.address()),
        backup: ({ folder }) => backupDatabases(config, databases, folder),
      },
      metrics: () => server.metrics(),
      closed: Promise.race([server.closed, agent.closed]),
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** One that was just made has more. */
const reportOf = ({ link, shortLink }: AddressReport): AddressReport => ({ link, shortLink })

/** Of a server that does not run. Made now if it was not yet, which needs the SMP server. */
export async function addressOf(config: Config, databases: Databases, signal: AbortSignal): Promise<AddressReport> {
  const { agent, door } = await openDoor(config, databases, connectOf(config))
  try {
    return reportOf(await Promise.race([door.address(), rejected(signal)]))
  } finally {
    await agent.close()
  }
}

const rejected = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
