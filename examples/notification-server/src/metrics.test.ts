import { describe, expect, it } from 'vitest'
import type { StatusReport } from './admin.js'
import { createMetrics, isOwn } from './metrics.js'
import { createRecentPushes } from './recent-pushes.js'

const report: StatusReport = {
  startedAt: 1,
  tokens: { active: 3, registered: 1 },
  subscriptions: { active: 7 },
  servers: [
    { server: 'smp1.example.org:5223', up: true, since: 1, reason: null },
    { server: 'secret.example.com', up: false, since: 1, reason: 'refused' },
  ],
  owed: 5,
  answered: [],
}
const push = { provider: 'webpush', kind: 'message', items: 1, tookMs: 40 } as const

describe('metrics', () => {
  it('have what the status says, and count pushes by provider, outcome and reason', async () => {
    const metrics = createMetrics({ ownDomains: ['example.org'], status: async () => report })
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
      'simplex_ntf_smp_servers{state="up"} 1',
      'simplex_ntf_smp_servers{state="down"} 1',
      'simplex_ntf_smp_server_up{server="smp1.example.org"} 1',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    expect(text).not.toContain('example.com')
  })

  it('forget what is not there any more, and are there for a stand-by', async () => {
    let now: StatusReport | undefined = report
    const metrics = createMetrics({ ownDomains: [], status: () => now && Promise.resolve(now) })
    expect((await metrics.text()).text).toContain('status="registered"')
    now = { ...report, tokens: { active: 1 } }
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
