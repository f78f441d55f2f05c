// Spec 04 §4.2, §6.1, §7.2, 03 §1: what an operator can set, with the protocol's values as defaults.
import type { VersionRange } from '@smpkit/encoding'
import type { CommandTag, MessageTag } from '@smpkit/smp-commands'
import type { ConnectOptions, ServerIdentity } from '@smpkit/smp-transport'
import { isPublicOrLoopback } from './allow-address.js'
import { type Clock, systemClock } from './clock.js'
import type { ServerState } from './server-state.js'

const second = 1000
const hour = 3600 * second

/** A command that came whole, or an answer or event that is to go. */
export interface LogEntry {
  /** Counts from 0 as connections come. */
  readonly connection: number
  readonly direction: 'received' | 'sent'
  readonly tag: CommandTag | MessageTag
  /** A copy. */
  readonly entityId: Uint8Array
}

/** What the server needs beyond its listener. All times are milliseconds, read from `clock`. */
export interface BrokerOptions {
  clock?: Clock
  /** Who knows it may create queues and use the proxy. Default: everybody may. */
  password?: string | null
  /** Default `true`. */
  allowNewQueues?: boolean
  /** How long `END`, `DELD` and `ENDS` may wait to be sent together. Default 15 000. */
  endDelay?: number
  /** How long `NMSG` may wait to be sent together. Default 1 500. */
  notificationTick?: number
  /** Default 21 days. */
  messageTtl?: number
  /** How often expired messages are removed. Default 7 200 000. */
  expirationInterval?: number
  /** Whether `SEND` removes the expired messages of its queue first. Default `true`. */
  expireMessagesOnSend?: boolean
  /** Default 24 hours. */
  notificationTtl?: number
  /** How often expired notifications are removed. Default 3 600 000. */
  notificationExpirationInterval?: number
  /** Messages that a queue holds before it answers `QUOTA`. Default 128. */
  quota?: number
  /**
   * Ends a connection that subscribes to nothing and has been silent for so long; public servers take 6 hours (03 §1). Default 0: never,
   * or a test that moves its clock by a day would lose its connections.
   */
  idleDisconnect?: number
  /** Default 1 000 000. */
  maxQueues?: number
  /** Service certificates that are known; a new one beyond that is refused as `BAD_SERVICE`. Default 10 000. */
  maxServices?: number
  /** Notifications that are kept for one notifier; the oldest go first. Default 10 000. */
  maxStoredNotifications?: number
  /** Default 500 000. */
  maxSubscriptionsPerConnection?: number
  /** Keys that are tried for the commands of one block; what comes after is answered `ERR INTERNAL`. Default 1024. */
  maxChecksPerBlock?: number
  proxy?: ProxyOptions
  /** Told of all that comes and goes, in the order in which it is dealt with: for tests that judge clients from outside. Default: nobody. */
  log?: ((entry: LogEntry) => void) | null
  /** Told of faults of this server, each of which a client sees as `ERR INTERNAL`. */
  onError?: (error: unknown) => void
}

/** How this server connects to others for its clients (04 §8). */
export interface ProxyOptions {
  /** Default `true`; otherwise `PRXY` is answered as with a wrong password. */
  enabled?: boolean
  /** Which IP addresses may be connected to. Default `isPublicOrLoopback`. */
  allowAddress?: (ip: string) => boolean
  /** For the connections to relays; `lookup` and time-outs are of use. */
  connect?: Pick<ConnectOptions, 'connectTimeout' | 'handshakeTimeout' | 'lookup' | 'now' | 'versionRange'>
  /** How long a relay may take to answer. Default 30 000. */
  responseTimeout?: number
  /** How long a relay that could not be connected to is not tried again. Default 30 000. */
  errorCache?: number
  /** Connections to relays; beyond that one that is not in use ends. Default 100. */
  maxRelays?: number
}

export interface SmpServerOptions extends BrokerOptions {
  /** Where to listen, and what the addresses name. Default `127.0.0.1`; that is also named for all interfaces. */
  host?: string
  /** Default 0: any that is free. */
  port?: number
  /** Default: that of `state`, or a new one. */
  identity?: ServerIdentity
  /** What a server before this one returned from `stop`; it is this server's own from now on. */
  state?: ServerState
  /** Default 14 to 20. */
  versionRange?: VersionRange
  /** Default 10 000. */
  maxConnections?: number
  /** Default: no limit of its own, as all of a test's connections come from one address. */
  maxConnectionsPerAddress?: number
}

const defaults = {
  clock: systemClock,
  password: null,
  allowNewQueues: true,
  endDelay: 15 * second,
  notificationTick: 1.5 * second,
  messageTtl: 21 * 24 * hour,
  expirationInterval: 2 * hour,
  expireMessagesOnSend: true,
  notificationTtl: 24 * hour,
  notificationExpirationInterval: hour,
  quota: 128,
  idleDisconnect: 0,
  maxQueues: 1_000_000,
  maxServices: 10_000,
  maxStoredNotifications: 10_000,
  maxSubscriptionsPerConnection: 500_000,
  maxChecksPerBlock: 1024,
  log: null,
  onError: () => {},
} as const satisfies Omit<Settings, 'proxy'>

const proxyDefaults: Settings['proxy'] = {
  enabled: true,
  allowAddress: isPublicOrLoopback,
  connect: {},
  responseTimeout: 30 * second,
  errorCache: 30 * second,
  maxRelays: 100,
}

/** All options with a value. */
export type Settings = Omit<Required<BrokerOptions>, 'proxy'> & { proxy: Required<ProxyOptions> }

export function settingsOf(options: BrokerOptions): Settings {
  return withDefaults<Settings>(
    { ...defaults, proxy: withDefaults(proxyDefaults, options.proxy ?? {}) },
    { ...options, proxy: undefined },
  )
}

/** An option that is given as `undefined` counts as not given. */
function withDefaults<T extends object>(defaults: T, options: { [K in keyof T]?: T[K] | undefined }): T {
  const given = Object.entries(options).filter(([name, value]) => name in defaults && value !== undefined)
  return { ...defaults, ...Object.fromEntries(given) }
}
