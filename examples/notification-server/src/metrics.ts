// Spec 22 §9: what Prometheus reads. The names are those of that section where it has them.
import type { PushReport } from '@smpkit/notification-server'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { StatusReport } from './admin.js'

export interface Metrics {
  /** To be told of each attempt to push. */
  pushed(report: PushReport): void
  text(): Promise<{ readonly type: string; readonly text: string }>
}

export interface MetricsOptions {
  /** SMP servers of these domains are named, no others: clients choose them. */
  readonly ownDomains: readonly string[]
  /** Absent while there is none, such as for a stand-by. */
  readonly status: () => Promise<StatusReport> | undefined
}

const hostWithoutPort = (server: string) => server.replace(/:\d+$/, '')

export function isOwn(server: string, ownDomains: readonly string[]): boolean {
  const host = hostWithoutPort(server).toLowerCase()
  return ownDomains.some((domain) => host === domain || host.endsWith(`.${domain}`))
}

export function createMetrics({ ownDomains, status }: MetricsOptions): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const pushes = new Counter({
    name: 'simplex_ntf_pushes_total',
    help: 'Attempts to push, by what the provider answered',
    labelNames: ['provider', 'outcome', 'reason'],
    registers,
  })
  const seconds = new Histogram({
    name: 'simplex_ntf_push_seconds',
    help: 'How long the provider took',
    labelNames: ['provider'],
    buckets: [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name: `simplex_ntf_${name}`, help, labelNames, registers })
  const tokens = gauge('tokens_total', 'Tokens', 'status')
  const subscriptions = gauge('subscriptions_total', 'Subscriptions', 'status')
  const owed = gauge('push_queue_length', 'Pushes that are owed')
  const servers = gauge('smp_servers', 'SMP servers', 'state')
  const own = gauge('smp_server_up', 'Whether an SMP server of our own domains is connected', 'server')

  function show(report: StatusReport): void {
    for (const [state, number] of Object.entries(report.tokens)) tokens.set({ status: state }, number)
    for (const [state, number] of Object.entries(report.subscriptions)) subscriptions.set({ status: state }, number)
    owed.set(report.owed)
    const up = report.servers.filter((server) => server.up).length
    servers.set({ state: 'up' }, up)
    servers.set({ state: 'down' }, report.servers.length - up)
    for (const { server, up } of report.servers) {
      if (isOwn(server, ownDomains)) own.set({ server: hostWithoutPort(server) }, up ? 1 : 0)
    }
  }

  return {
    pushed({ provider, outcome, tookMs }) {
      pushes.inc({ provider, outcome: outcome.outcome, reason: 'reason' in outcome ? outcome.reason : '' })
      seconds.observe({ provider }, tookMs / 1000)
    },
    async text() {
      // What is not there any more must not stay as it was.
      for (const one of [tokens, subscriptions, owed, servers, own]) one.reset()
      const report = await status()
      if (report) show(report)
      return { type: registry.contentType, text: await registry.metrics() }
    },
  }
}
