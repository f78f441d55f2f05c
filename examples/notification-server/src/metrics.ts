// Spec 22 §9: what Prometheus reads. The names are those of that section where it has them.
import type { NotificationServerMetrics, PushReport } from '@smpkit/notification-server'
import type { NtfDoorMetrics } from '@smpkit/notification-server/ntf'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { ntfMetrics } from './metrics-ntf.js'
import { smpMetrics } from './metrics-smp.js'

export interface ServerMetrics extends NotificationServerMetrics {
  /** If the NTF protocol is served. */
  readonly ntf?: NtfDoorMetrics
}

export interface Metrics {
  /** To be told of each attempt to push. */
  pushed(report: PushReport): void
  text(): Promise<{ readonly type: string; readonly text: string }>
}

export interface MetricsOptions {
  /** SMP servers of these domains are named, no others: clients choose them. */
  readonly ownDomains: readonly string[]
  /** Absent while there is none, such as for a stand-by. */
  readonly version: string
  readonly server: () => ServerMetrics | undefined
}

type Pushes = NotificationServerMetrics['outbox']['pushes']

/** Of devices: `apns_null` takes what goes nowhere. */
const ended = (pushes: Pushes, kind: Pushes[number]['kind'], ...outcomes: Pushes[number]['outcome'][]): number =>
  pushes
    .filter((one) => one.kind === kind && outcomes.includes(one.outcome) && one.provider !== 'apns_null')
    .reduce((sum, { count }) => sum + count, 0)

/** What has happened since the start: the name in 22 §9, what it is, and where it comes from. */
const totals: readonly (readonly [string, string, (server: NotificationServerMetrics) => number])[] = [
  ['tokens_created', 'Tokens that were registered', ({ events }) => events.tokensCreated],
  ['tokens_verified', 'Tokens whose device sent the code back', ({ events }) => events.tokensVerified],
  ['tokens_replaced', 'Tokens whose device got another push token', ({ events }) => events.tokensReplaced],
  ['tokens_deleted', 'Tokens that were deleted', ({ events }) => events.tokensDeleted],
  ['subscriptions_created', 'Subscriptions that were made', ({ events }) => events.subscriptionsCreated],
  ['subscriptions_deleted', 'Subscriptions that were deleted', ({ events }) => events.subscriptionsDeleted],
  ['notifications_received', 'Notifications from SMP servers', ({ received }) => received.known],
  ['notifications_received_auth', 'The same of queues without a subscription', ({ received }) => received.unknown],
  ['notifications_delivered', 'Message pushes that a provider took', of('message', 'accepted')],
  ['notifications_failed', 'Message pushes that a provider refused for good', of('message', 'refused', 'gone')],
  ['notifications_periodic_delivered', 'Check-messages pushes that a provider took', of('check', 'accepted')],
  ['notifications_periodic_failed', 'The same refused for good', of('check', 'refused', 'gone')],
  [
    'notifications_verification_queued',
    'Verification pushes that were asked for',
    ({ outbox }) => outbox.verifications,
  ],
  ['notifications_verification_delivered', 'Verification pushes that a provider took', of('verification', 'accepted')],
  ['notifications_verification_failed', 'The same refused for good', of('verification', 'refused')],
  ['notifications_verification_invalid_tkn', 'The same to dead device tokens', of('verification', 'gone')],
]

function of(kind: Pushes[number]['kind'], ...outcomes: Pushes[number]['outcome'][]) {
  return ({ outbox }: NotificationServerMetrics) => ended(outbox.pushes, kind, ...outcomes)
}

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((all, one) => all + one, 0)

export function createMetrics({ ownDomains, version, server }: MetricsOptions): Metrics {
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
  const inFlight = gauge('pushes_in_flight', 'Pushes that a provider has not answered yet', 'provider')
  const oldest = gauge('oldest_push_seconds', 'For how long the oldest push has been owed')
  const backlog = gauge('receive_queue_length', 'Events of SMP servers that are not stored yet')
  const paused = gauge('paused_destinations', 'Destinations that take nothing at present', 'provider')
  const approx = gauge('subscriptions_approx_total', 'Subscriptions of all statuses')
  const apnsOwed = gauge('apns_push_queue_length', 'The same as push_queue_length, under its name in 22 §9')
  const smp = smpMetrics(registry, ownDomains)
  const ntf = ntfMetrics(registry)
  gauge('info', 'The version that runs', 'version').set({ version }, 1)
  const gauges = [tokens, subscriptions, approx, owed, apnsOwed, inFlight, oldest, backlog, paused]
  const counters = totals.map(([name, help, value]) => {
    const counter = new Counter({ name: `simplex_ntf_${name}`, help, registers })
    return { counter, value }
  })

  function show(now: ServerMetrics): void {
    for (const [status, number] of Object.entries(now.tokens)) tokens.set({ status }, number)
    for (const [status, number] of Object.entries(now.subscriptions)) subscriptions.set({ status }, number)
    for (const one of now.outbox.providers) {
      inFlight.set({ provider: one.provider }, one.inFlight)
      paused.set({ provider: one.provider }, one.paused)
    }
    owed.set(now.outbox.owed)
    oldest.set(now.outbox.oldestOwed / 1000)
    backlog.set(now.backlog)
    approx.set(sum(now.subscriptions))
    apnsOwed.set(now.outbox.owed)
    smp.show(now.servers)
    ntf.show(now.ntf)
    for (const { counter, value } of counters) {
      counter.reset()
      counter.inc(value(now))
    }
  }

  return {
    pushed({ provider, outcome, tookMs }) {
      pushes.inc({ provider, outcome: outcome.outcome, reason: 'reason' in outcome ? outcome.reason : '' })
      seconds.observe({ provider }, tookMs / 1000)
    },
    async text() {
      // What is not there any more must not stay as it was.
      for (const one of gauges) one.reset()
      smp.reset()
      ntf.reset()
      const now = server()
      if (now) show(now)
      return { type: registry.contentType, text: await registry.metrics() }
    },
  }
}
