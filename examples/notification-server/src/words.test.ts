import { describe, expect, it } from 'vitest'
import { columns, outboxText, span, statusText, tokensText } from './words.js'

const minute = 60_000
const now = 100 * 86_400_000

describe('reports as text', () => {
  it('say what a person asks first', () => {
    const text = statusText(
      {
        startedAt: now - 3 * 3_600_000,
        tokens: { active: 2, registered: 1 },
        subscriptions: { active: 40 },
        servers: [
          { server: 'smp1.example.org', up: true, since: 1, reason: null },
          { server: 'evil\x1b[31m.example.org', up: false, since: now - 5 * minute, reason: 'ECONNREFUSED' },
        ],
        ntf: { address: 'ntf://AAAA@ntf.example.org', connections: 12 },
        owed: 1,
        answered: [
          { provider: 'fcm', outcome: 'accepted', reason: '', count: 10, at: now - 1000 },
          { provider: 'fcm', outcome: 'retry', reason: 'http-503', count: 2, at: now - minute },
        ],
      },
      now,
    )
    expect(text.split('\n')).toEqual([
      'running since 3 h',
      'tokens: 3 (2 active, 1 registered)',
      'subscriptions: 40 (40 active)',
      'SMP servers: 1 up, 1 down',
      '  evil.example.org is down since 5 min: ECONNREFUSED',
      'NTF connections: 12, at ntf://AAAA@ntf.example.org',
      'pushes owed: 1',
      'the providers answered:',
      '  fcm  accepted         10 times  last 1 s ago',
      '  fcm  retry: http-503  2 times   last 1 min ago',
    ])
  })

  it('say when it is from the database', () => {
    const report = { startedAt: null, tokens: {}, subscriptions: {}, servers: [], ntf: null, owed: 0, answered: [] }
    expect(statusText(report, now)).toMatch(/^not running: .*\ntokens: 0\n/)
  })

  it('list tokens, and what is owed and given up', () => {
    const token = {
      id: 'abc',
      provider: 'webpush',
      status: 'invalid',
      reason: 'http-410',
      registeredAt: now - minute,
      usedAt: now - minute,
      expiresAt: now + 2 * minute,
    } as const
    expect(tokensText([token], now).split('\n')[1]).toBe(
      'abc  webpush   invalid: http-410  1 min ago   1 min ago  in 2 min',
    )
    const push = { provider: 'fcm', kind: 'message', attempts: 3, reason: 'timeout' } as const
    const outbox = { ...push, createdAt: now - minute, dueAt: now + 30_000 }
    const text = outboxText({ owed: [outbox], more: true, deadLetters: [{ ...push, at: now - 2 * minute }] }, now)
    expect(text).toMatch(/^owed: 1 and more\n/)
    expect(text).toContain('  fcm       message  1 min ago   in 30 s  3         timeout')
    expect(text).toMatch(/given up: 1\n.*\n {2}fcm\s+message\s+2 min ago\s+3\s+timeout$/)
  })

  it('need no trailing spaces, and round times down', () => {
    expect(
      columns([
        ['a', 'b'],
        ['ccc', ''],
      ]),
    ).toBe('a    b\nccc')
    expect([span(999), span(59_999), span(-minute), span(48 * 60 * minute)]).toEqual(['0 s', '59 s', '1 min', '2 d'])
  })
})
