import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { silent } from './logger.js'
import { freshRow } from './outbox-rules.js'
import { OwedPushes } from './owed-pushes.js'
import { ManualClock } from './testing/manual-clock.js'
import { accept, ScriptedProvider } from './testing/outbox.js'

function owedPushes(maxConcurrent = 16) {
  const clock = new ManualClock()
  const providers = ['one', 'two'].map(
    (name) => new ScriptedProvider(accept, { name, maxConcurrent, destinations: name === 'two' }),
  )
  const owed = new OwedPushes({ providers, clock, logger: silent }, () => {})
  const row = (token: string, provider = 'one', delay = 0) =>
    freshRow({ token, kind: 'message', provider }, clock.now(), clock.now() + delay)
  const take = (limit = 100) => owed.take(limit).map(({ token }) => token)
  return { clock, owed, row, take }
}

describe('an owed push', () => {
  test('has one entry, whatever is added', () => {
    const { owed, row, take } = owedPushes()
    for (let i = 0; i < 5; i++) owed.add(row('a'))
    expect(owed.size).toBe(1)
    expect(take()).toEqual(['a'])
    expect(take()).toEqual([])
  })

  test('that waits is due sooner only if its row was put', async () => {
    const { clock, owed, row, take } = owedPushes()
    owed.add(row('a', 'one', 1000))
    owed.add(row('a', 'one', 10))
    await clock.advance(10)
    expect(take()).toEqual([])
    owed.add(row('a', 'one', 10), { sooner: true })
    await clock.advance(10)
    expect(take()).toEqual(['a'])
    expect(clock.timers).toBe(0)
  })

  test('that comes once more while it is attempted is attempted again', () => {
    const { owed, row, take } = owedPushes()
    owed.add(row('a'))
    const [entry] = owed.take(1)
    if (!entry) throw new Error('expected an entry')
    owed.expect(entry.id)
    owed.end(entry, null)
    expect(owed.size).toBe(1)
    const [again] = owed.take(1)
    if (!again) throw new Error('expected an entry')
    owed.end(again, null)
    expect(owed.size).toBe(0)
    expect(take()).toEqual([])
  })

  test('goes with its device to another provider, and leaves nothing behind', () => {
    const { owed, row } = owedPushes(1)
    owed.add(row('first'))
    owed.take(1)
    owed.add(row('a'))
    expect(owed.take(9)).toEqual([])
    owed.add(row('a', 'two'), { device: 'x/1' })
    expect(owed.take(9).map(({ lane }) => `${lane.provider} ${lane.destination}`)).toEqual(['two x'])
    expect(owed.size).toBe(2)
  })

  test('finds its destination when it is read, and waits there if that is full', () => {
    const { owed, row } = owedPushes(8)
    for (let i = 0; i < 4; i++) owed.add(row(`known ${i}`, 'two'), { device: 'x/' })
    const known = owed.take(9)
    owed.add(row('unknown', 'two'))
    const [entry] = owed.take(9)
    if (!entry) throw new Error('expected an entry')
    expect(owed.place(entry, 'two', 'x/')).toBe(false)
    expect(entry).toMatchObject({ state: 'ready', lane: { destination: 'x' } })
    for (const one of known) owed.end(one, null)
    expect(owed.take(9)).toEqual([entry])
    expect(owed.place(entry, 'two', 'x/')).toBe(true)
    owed.end(entry, null)
    expect([owed.size, owed.inFlight]).toEqual([0, 0])
  })

  test('through a provider that is not configured is left to the store', () => {
    const { owed, row } = owedPushes()
    owed.add(row('a', 'three'))
    owed.add(row('b'))
    owed.add(row('b', 'three'))
    expect(owed.size).toBe(0)
    expect(owed.take(9)).toEqual([])
  })
})

test('providers take turns', () => {
  const { owed, row, take } = owedPushes()
  for (const name of ['one', 'two'])
    for (let i = 0; i < 3; i++) owed.add(row(`${name} ${i}`, name), { device: `${name}/` })
  expect(take(4)).toEqual(['one 0', 'two 0', 'one 1', 'two 1'])
})

test('100,000 pushes that wait, or are ready for a provider that pauses, take at most 500 bytes each', () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const { owed, row } = owedPushes()
  const count = 50_000
  gc()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < count; i++) {
    // As they come from a database, where each has its own texts.
    const own = (text: string) => Buffer.from(text).toString()
    const token = own(`${i}`.padStart(24, '0'))
    const { kind, createdAt, dueAt, attempts, reason } = row(token)
    const rest = { id: own(`${token}/${kind}`), token, kind, provider: own('one'), createdAt, attempts, reason }
    owed.add({ ...rest, dueAt })
    const later = own(`${i}`.padStart(24, 'x'))
    owed.add({ ...rest, token: later, id: own(`${later}/${kind}`), dueAt: dueAt + 1000 + i })
  }
  gc()
  expect(owed.size).toBe(2 * count)
  expect((process.memoryUsage().heapUsed - before) / owed.size).toBeLessThan(500)
})
