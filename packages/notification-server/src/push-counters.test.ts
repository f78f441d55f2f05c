import { expect, test } from 'vitest'
import { PushCounters } from './push-counters.js'

const retry = (reason: string) => ({ outcome: 'retry', afterMs: 0, reason }) as const

test('counts by provider, kind, outcome and reason, and remembers the last answer of each provider', () => {
  const counters = new PushCounters()
  counters.add('apns', 'message', { outcome: 'accepted' }, 1)
  counters.add('apns', 'message', { outcome: 'accepted' }, 2)
  counters.add('apns', 'check', { outcome: 'accepted' }, 3)
  counters.add('fcm', 'message', retry('503'), 4)
  expect(counters.counts).toEqual([
    { provider: 'apns', kind: 'message', outcome: 'accepted', reason: '', count: 2 },
    { provider: 'apns', kind: 'check', outcome: 'accepted', reason: '', count: 1 },
    { provider: 'fcm', kind: 'message', outcome: 'retry', reason: '503', count: 1 },
  ])
  expect(counters.lastAnswers).toEqual([
    { provider: 'apns', outcome: 'accepted', reason: '', at: 3 },
    { provider: 'fcm', outcome: 'retry', reason: '503', at: 4 },
  ])
})

test('knows a bounded number of reasons of each provider', () => {
  const counters = new PushCounters()
  for (let i = 0; i < 200; i++) counters.add('webhook', 'message', retry(`${i}`), i)
  counters.add('fcm', 'message', retry('another'), 0)
  counters.add('webhook', 'message', retry('7'), 0)
  expect(counters.counts).toHaveLength(52)
  expect(counters.counts.find(({ reason }) => reason === 'other')).toMatchObject({ provider: 'webhook', count: 150 })
  expect(counters.counts.find(({ reason }) => reason === '7')).toMatchObject({ count: 2 })
  expect(counters.counts.find(({ provider }) => provider === 'fcm')).toMatchObject({ reason: 'another' })
})
