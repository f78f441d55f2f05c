// Spec 30 §6, 22 §6: what an outcome changes, and when a push that failed is tried again.
import { expect, test } from 'vitest'
import { notification, owed, token } from './conformance-support.js'
import { defaultLimits } from './limits.js'
import { backOff, type OwedRows, plan, settle } from './outbox-rules.js'

test('delays grow up to the longest, half of them at random, in whole milliseconds as rows hold them', () => {
  const delays = [0, 1, 5, 1000].map((attempts) => backOff(attempts, 0.123_456, defaultLimits))
  expect(delays.every(Number.isSafeInteger)).toBe(true)
  expect(delays).toEqual([562, 1124, 17_976, 505_556])
})

const message = { token: 'a', kind: 'message', provider: 'fake' } as const

function accepted(before: OwedRows, after = before) {
  const planned = plan(message, before, 0, defaultLimits)
  if (planned.next !== 'send') throw new Error('expected something to send')
  const settlement = { outcome: { outcome: 'accepted' }, now: 5, again: false, random: 0 } as const
  return { carried: planned.attempt.carried, ...settle(planned.attempt, after, settlement, defaultLimits) }
}

const outbox = owed('a', { kind: 'message' })
const sent = [1, 2, 3, 4, 5].map((seq) => notification(`sent ${seq}`, seq, 'a', true))
const later = [10, 11, 12].map((seq) => notification(`queue ${seq}`, seq, 'a'))
const unsent = later.slice(0, 2)
const keyOf = ({ subscription, seq }: (typeof sent)[number]) => ({ subscription, seq })

test('D7: an accepted push of a client of the NTF protocol keeps what it carried, and of all that was sent the last six', () => {
  const rows = { token: token('a', { ntf: true }), outbox, notifications: [...sent, ...unsent] }
  const { carried, changes, result } = accepted(rows)
  expect(carried).toEqual(unsent)
  expect(result).toBeNull()
  expect(changes).toEqual({
    tokens: [],
    notifications: unsent.map((row) => ({ ...row, sent: true })),
    remove: { outbox: [outbox.id], notifications: sent.slice(0, 1).map(keyOf) },
  })
})

test('D7: what came meanwhile is owed, and stays as it is', () => {
  const rows = { token: token('a', { ntf: true }), outbox, notifications: unsent }
  const anew = notification('queue 10', 12, 'a')
  const { changes, result } = accepted(rows, { ...rows, notifications: [...unsent.slice(1), anew] })
  expect(result).toBe(5)
  expect(changes.notifications).toEqual(unsent.slice(1).map((row) => ({ ...row, sent: true })))
  expect(changes.outbox).toMatchObject([{ id: outbox.id, dueAt: 5 }])
  expect(changes.remove).toEqual({ notifications: [] })
})

test('an accepted push of a service client removes what it carried, and keeps nothing', () => {
  const rows = { token: token('a'), outbox, notifications: unsent }
  const { changes, result } = accepted(rows, { ...rows, notifications: later })
  expect(result).toBe(5)
  expect(changes.notifications).toEqual([])
  expect(changes.remove).toEqual({ notifications: unsent.map(keyOf) })
})
