// Spec 22 §9: what Prometheus reads of SMP servers. Clients choose them: only those of the operator's own domains are named.
import type { ServerStatus } from '@smpkit/notification-server'
import { Counter, Gauge, type Registry } from 'prom-client'
import { hostOf } from './reports.js'

export interface SmpMetrics {
  show(servers: readonly ServerStatus[]): void
  reset(): void
}

/** SMP servers, counted: the beginning of the names in 22 §9, what they are, and which. */
const serverGroups: readonly (readonly [string, string, (server: ServerStatus) => boolean])[] = [
  ['smp_subscribers', 'SMP servers that clients have named', () => true],
  ['smp_agent_clients', 'SMP servers that are connected', ({ up }) => up],
  ['smp_agent_sub_workers', 'SMP servers that are tried to connect to', ({ up }) => !up],
  [
    'smp_service_subscription_active_server',
    'SMP servers that are subscribed at once, as a service',
    ({ up, byService }) => up && byService,
  ],
  [
    'smp_subscription_active_server',
    'SMP servers that are subscribed queue by queue',
    ({ up, byService }) => up && !byService,
  ],
  ['smp_subscription_pending_server', 'SMP servers whose queues wait to be subscribed', ({ up }) => !up],
]

const hostWithoutPort = (server: string) => server.replace(/:\d+$/, '')

export function isOwn(server: string, ownDomains: readonly string[]): boolean {
  const host = hostWithoutPort(server).toLowerCase()
  return ownDomains.some((domain) => host === domain || host.endsWith(`.${domain}`))
}

export function smpMetrics(registry: Registry, ownDomains: readonly string[]): SmpMetrics {
  const registers = [registry]
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name: `simplex_ntf_${name}`, help, labelNames, registers })
  const sessions = gauge('smp_sessions_count', 'SMP servers, by whether they are connected', 'state')
  const own = gauge('smp_server_up', 'Whether an SMP server of our own domains is connected', 'server')
  const counter = (name: string, help: string) =>
    new Counter({ name: `simplex_ntf_${name}`, help, labelNames: ['server'], registers })
  const received = counter('notifications_received_own', 'Notifications from SMP servers of our own domains')
  const unknown = counter('notifications_received_auth_own', 'The same of queues without a subscription')
  const groups = serverGroups.map(([name, help, isIn]) => ({
    own: gauge(`${name}_count_own`, `${help}: those of our own domains`, 'server'),
    other: gauge(`${name}_count_other`, `${help}: the others`),
    isIn,
  }))
  return {
    show(servers) {
      const up = servers.filter((server) => server.up).length
      sessions.set({ state: 'up' }, up)
      sessions.set({ state: 'down' }, servers.length - up)
      const ours = new Map<ServerStatus, string>()
      for (const one of servers) {
        const name = hostOf(one.address)
        if (isOwn(name, ownDomains)) ours.set(one, hostWithoutPort(name))
      }
      for (const [one, server] of ours) {
        own.set({ server }, one.up ? 1 : 0)
        received.inc({ server }, one.received.known)
        unknown.inc({ server }, one.received.unknown)
      }
      for (const group of groups) {
        const members = servers.filter(group.isIn)
        const names = members.flatMap((one) => ours.get(one) ?? [])
        for (const server of names) group.own.inc({ server })
        group.other.set(members.length - names.length)
      }
    },
    reset() {
      for (const one of [sessions, own, received, unknown, ...groups.flatMap(({ own, other }) => [own, other])])
        one.reset()
    },
  }
}
