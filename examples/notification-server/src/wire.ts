// How the packages become one server: databases, SMP servers, push providers, and the doors for clients.
import {
  createNotificationServer,
  type FrontDoor,
  guardedConnect,
  type Logger,
  type PushReport,
} from '@smpkit/notification-server'
import { type NtfDoor, ntfDoor } from '@smpkit/notification-server/ntf'
import { type ServiceDoor, serviceDoor } from '@smpkit/notification-server/service'
import { openAgent, type SmpAgent } from '@smpkit/smp-agent'
import type { Connect } from '@smpkit/smp-client'
import { describeError, exitCodes, ProgramError } from 'example-chat'
import type { AddressReport, Admin } from './admin.js'
import { backupDatabases } from './backup.js'
import type { Config } from './config-keys.js'
import { limitsOf } from './config-limits.js'
import type { HostPort } from './config-types.js'
import type { Databases } from './databases.js'
import type { ServerMetrics } from './metrics.js'
import { ntfAddress } from './ntf-address.js'
import { readNtfFingerprint, readNtfIdentity } from './ntf-identity.js'
import { watchServers } from './own-servers.js'
import { createProviders } from './providers.js'
import type { RecentPushes } from './recent-pushes.js'
import { outboxReport, runningStatus, tokenReports } from './reports.js'

export interface RunningServer extends AsyncDisposable {
  readonly admin: Admin
  metrics(): ServerMetrics
  /** Their names. */
  readonly providers: readonly string[]
  /** The address of the NTF protocol, if it is served. */
  readonly ntf: string | undefined
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

interface OpenService {
  readonly agent: SmpAgent
  readonly door: ServiceDoor
}

/** The door of the contact address, which SMP servers of ours lead to: without one, there is none. */
async function openService(
  config: Config,
  { agent: store }: Databases,
  connect: Connect,
): Promise<OpenService | undefined> {
  const { servers } = config.smp
  if (servers.length === 0) return undefined
  const agent = await openAgent({ store, servers, connect })
  return { agent, door: serviceDoor({ agent, name: config.server.name }) }
}

interface NtfEnd {
  readonly address: string
  readonly door: NtfDoor
}

function ntfEnd({ ntf, ...config }: Config): NtfEnd | undefined {
  const { listen, connections, connections_per_address } = ntf
  if (listen === undefined) return undefined
  const identity = readNtfIdentity(ntf)
  const door = ntfDoor({
    identity,
    ...listen,
    maxConnections: connections,
    maxConnectionsPerAddress: connections_per_address,
    testProvider: config['providers.apns.test'].enabled,
  })
  const start: FrontDoor['start'] = (core) => door.start(core).catch((cause) => cannotListen(listen, cause))
  return { address: ntfAddress(ntf, listen, identity.fingerprint), door: { ...door, start } }
}

function cannotListen({ host, port }: HostPort, cause: unknown): never {
  const reason = describeError(cause)
  const hint = port < 1024 && reason.includes('EACCES') ? '; ports below 1024 need CAP_NET_BIND_SERVICE' : ''
  const message = `ntf.listen: ${host}, port ${port} cannot be listened on: ${reason}${hint}`
  throw new ProgramError(exitCodes.usage, message, { cause })
}

/** Of SimpleX apps, which come over the NTF protocol with tokens of these. */
const isForApps = (provider: string) => provider.startsWith('apns_') && provider !== 'apns_null'

/** The databases stay the caller's. */
export async function startServer(
  config: Config,
  databases: Databases,
  { logger, recent, onPush }: StartOptions,
): Promise<RunningServer> {
  const limits = limitsOf(config.limits)
  const ntf = ntfEnd(config)
  const providers = createProviders(config)
  const names = providers.map(({ name }) => name)
  if (ntf && !names.some(isForApps)) logger.warn({}, 'no provider of [providers.apns] is enabled: apps cannot register')
  const closers = providers.map((provider) => () => provider.close())
  const close = async () => {
    for (const close of closers.splice(0).reverse()) await close()
  }
  try {
    const own = watchServers(connectOf(config), config.smp.servers, logger)
    const service = await openService(config, databases, own.connect)
    if (service) closers.push(() => service.agent.close())
    const server = await createNotificationServer({
      smp: { connect: connectOf(config) },
      serviceCertificates: config.smp.service_certificates,
      store: databases.notifications,
      providers,
      doors: [service?.door, ntf?.door].filter((door) => door !== undefined),
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
    const ntfReport = () => ntf && { address: ntf.address, connections: ntf.door.metrics().connections }
    return {
      providers: names,
      ntf: ntf?.address,
      admin: {
        status: async () =>
          runningStatus(await server.status(), own.list(), ntfReport() ?? null, startedAt, recent.list()),
        tokens: (options) => tokenReports(store, options),
        outbox: ({ limit }) => outboxReport(store, limit),
        address: () => addressReport(service?.door, ntf?.address),
        backup: ({ folder }) => backupDatabases(config, databases, folder),
      },
      metrics: () => ({ ...server.metrics(), ...(ntf && { ntf: ntf.door.metrics() }) }),
      closed: Promise.race([server.closed, ...(service ? [service.agent.closed] : [])]),
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function addressReport(door: ServiceDoor | undefined, ntf: string | undefined): Promise<AddressReport> {
  // An address that was just made has more.
  const { link = null, shortLink = null } = (await door?.address()) ?? {}
  return { link, shortLink, ntf: ntf ?? null }
}

/** Of a server that does not run. Made now if it was not yet, which needs the SMP server. */
export async function addressOf(config: Config, databases: Databases, signal: AbortSignal): Promise<AddressReport> {
  const { ntf } = config
  const ntfText = ntf.listen && ntfAddress(ntf, ntf.listen, readNtfFingerprint(ntf))
  const service = await openService(config, databases, connectOf(config))
  try {
    return await Promise.race([addressReport(service?.door, ntfText), rejected(signal)])
  } finally {
    await service?.agent.close()
  }
}

const rejected = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
