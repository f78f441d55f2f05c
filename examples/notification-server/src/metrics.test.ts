import { describe, expect, it } from 'vitest'
import { createMetrics, type ServerMetrics } from './metrics.js'
import { isOwn } from './metrics-smp.js'
import { createRecentPushes } from './recent-pushes.js'

const server: ServerMetrics = {
  ntf: { connections: 4, commands: { TNEW: 3, PING: 1 }, errors: { AUTH: 2 } },
  tokens: { active: 3, registered: 1 },
  subscriptions: { active: 7 },
  events: {
    tokensCreated: 9,
    tokensVerified: 8,
    tokensReplaced: 1,
    tokensDeleted: 5,
    subscriptionsCreated: 20,
    subscriptionsDeleted: 13,
  },
  received: { known: 40, unknown: 2 },
  backlog: 6,
  outbox: {
    pushes: [
      { provider: 'webpush', kind: 'message', outcome: 'accepted', reason: '', count: 30 },
      { provider: 'fcm', kind: 'message', outcome: 'accepted', reason: '', count: 3 },
      { provider: 'fcm', kind: 'message', outcome: 'gone', reason: 'UNREGISTERED', count: 4 },
      { provider: 'fcm', kind: 'verification', outcome: 'gone', reason: 'BAD', count: 5 },
      { provider: 'fcm', kind: 'verification', outcome: 'accepted', reason: '', count: 6 },
      { provider: 'apns_null', kind: 'verification', outcome: 'accepted', reason: '', count: 7 },
      { provider: 'fcm', kind: 'check', outcome: 'retry', reason: 'http-503', count: 6 },
    ],
    lastAnswers: [],
    verifications: 11,
    owed: 5,
    inFlight: 2,
    oldestOwed: 1500,
    providers: [{ provider: 'webpush', inFlight: 2, lanes: 4, paused: 1 }],
  },
  servers: [
    {
      address: `smp://${'A'.repeat(43)}=@smp1.example.org:5223`,
      up: true,
      since: 1,
      reason: null,
      byService: false,
      received: { known: 39, unknown: 2 },
    },
    {
      address: `smp://${'A'.repeat(43)}=@secret.example.com`,
      up: false,
      since: 1,
      reason: 'refused',
      byService: false,
      received: { known: 1, unknown: 0 },
    },
  ],
}
const push = { provider: 'webpush', kind: 'message', items: 1, tookMs: 40 } as const

describe('metrics', () => {
  it('have what the status says, and count pushes by provider, outcome and reason', async () => {
    const metrics = createMetrics({ ownDomains: ['example.org'], version: '1.2.3', server: () => server })
    metrics.pushed({ ...push, outcome: { outcome: 'accepted' } })
    metrics.pushed({ ...push, outcome: { outcome: 'accepted' } })
    metrics.pushed({ ...push, outcome: { outcome: 'retry', afterMs: 0, reason: 'http-503' } })
    const { text } = await metrics.text()
    for (const line of [
      'simplex_ntf_pushes_total{provider="webpush",outcome="accepted",reason=""} 2',
      'simplex_ntf_pushes_total{provider="webpush",outcome="retry",reason="http-503"} 1',
      'simplex_ntf_push_seconds_count{provider="webpush"} 3',
      'simplex_ntf_tokens_total{status="active"} 3',
      'simplex_ntf_subscriptions_total{status="active"} 7',
      'simplex_ntf_push_queue_length 5',
      'simplex_ntf_smp_sessions_count{state="up"} 1',
      'simplex_ntf_smp_sessions_count{state="down"} 1',
      'simplex_ntf_tokens_created 9',
      'simplex_ntf_subscriptions_deleted 13',
      'simplex_ntf_notifications_received 40',
      'simplex_ntf_notifications_received_auth 2',
      'simplex_ntf_notifications_delivered 33',
      'simplex_ntf_notifications_failed 4',
      'simplex_ntf_notifications_verification_invalid_tkn 5',
      'simplex_ntf_notifications_verification_queued 11',
      'simplex_ntf_notifications_verification_delivered 6',
      'simplex_ntf_notifications_received_own{server="smp1.example.org"} 39',
      'simplex_ntf_notifications_received_auth_own{server="smp1.example.org"} 2',
      'simplex_ntf_receive_queue_length 6',
      'simplex_ntf_pushes_in_flight{provider="webpush"} 2',
      'simplex_ntf_paused_destinations{provider="webpush"} 1',
      'simplex_ntf_oldest_push_seconds 1.5',
      'simplex_ntf_smp_server_up{server="smp1.example.org"} 1',
      'simplex_ntf_smp_agent_clients_count_own{server="smp1.example.org"} 1',
      'simplex_ntf_smp_agent_clients_count_other 0',
      'simplex_ntf_smp_subscribers_count_own{server="smp1.example.org"} 1',
      'simplex_ntf_smp_subscribers_count_other 1',
      'simplex_ntf_smp_agent_sub_workers_count_other 1',
      'simplex_ntf_smp_subscription_active_server_count_own{server="smp1.example.org"} 1',
      'simplex_ntf_smp_subscription_pending_server_count_other 1',
      'simplex_ntf_smp_service_subscription_active_server_count_other 0',
      'simplex_ntf_subscriptions_approx_total 7',
      'simplex_ntf_apns_push_queue_length 5',
      'simplex_ntf_info{version="1.2.3"} 1',
      'simplex_ntf_client_connections 4',
      'simplex_ntf_commands_total{command="TNEW"} 3',
      'simplex_ntf_command_errors_total{error="AUTH"} 2',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    expect(text).not.toContain('example.com')
  })

  it('forget what is not there any more, and are there for a stand-by', async () => {
    let now: ServerMetrics | undefined = server
    const metrics = createMetrics({ ownDomains: [], version: '1', server: () => now })
    expect((await metrics.text()).text).toContain('status="registered"')
    now = { ...server, tokens: { active: 1 } }
    expect((await metrics.text()).text).not.toContain('status="registered"')
    now = undefined
    expect((await metrics.text()).text).toContain('process_cpu_seconds_total')
  })

  it('name only servers of our domains', () => {
    expect(isOwn('example.org', ['example.org'])).toBe(true)
    expect(isOwn('A.Example.Org:443', ['example.org'])).toBe(true)
    expect(isOwn('notexample.org', ['example.org'])).toBe(false)
    expect(isOwn('example.org.evil.net', ['example.org'])).toBe(false)
    expect(isOwn('example.org', [])).toBe(false)
  })
})

describe('recent pushes', () => {
  it('are counted, the newest answer of a provider first', () => {
    let now = 1
    const recent = createRecentPushes(() => now++)
    recent.add({ ...push, outcome: { outcome: 'accepted' } })
    recent.add({ ...push, outcome: { outcome: 'gone', reason: 'http-410' } })
    recent.add({ ...push, outcome: { outcome: 'gone', reason: 'http-410' } })
    recent.add({ ...push, provider: 'fcm', outcome: { outcome: 'accepted' } })
    expect(recent.list()).toEqual([
      { provider: 'fcm', outcome: 'accepted', reason: '', count: 1, at: 4 },
      { provider: 'webpush', outcome: 'gone', reason: 'http-410', count: 2, at: 3 },
      { provider: 'webpush', outcome: 'accepted', reason: '', count: 1, at: 1 },
    ])
  })
})
