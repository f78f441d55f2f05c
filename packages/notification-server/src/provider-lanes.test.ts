import { expect, test } from 'vitest'
import type { Entry } from './lane.js'
import { ProviderLanes } from './provider-lanes.js'
import { ManualClock } from './testing/manual-clock.js'
import { accept, ScriptedProvider } from './testing/outbox.js'

const all = { outcome: 'retry', afterMs: 0, reason: 'connect', all: true } as const

function lanesOf(maxConcurrent = 16, destinations = true) {
  const clock = new ManualClock()
  let wakes = 0
  const provider = new ScriptedProvider(accept, { maxConcurrent, destinations })
  const lanes = new ProviderLanes(provider, clock, () => wakes++)
  const add = (device: string | undefined, count = 1) =>
    Array.from({ length: count }, (_, i) => {
      const lane = lanes.laneOf(device)
      const rest = { state: 'ready', due: undefined, since: 0, again: false, failures: 0 } as const
      const entry: Entry = { ...rest, id: `${device} ${i}`, token: '', kind: 'message', lane }
      lanes.join(entry)
      lanes.ready(entry)
      return entry
    })
  const takeAll = () => {
    const taken: Entry[] = []
    for (let entry = lanes.take(); entry; entry = lanes.take()) taken.push(entry)
    return taken
  }
  const destinationsOf = (entries: readonly Entry[]) => entries.map(({ lane }) => lane.destination).join('')
  return { clock, lanes, add, takeAll, destinationsOf, wakes: () => wakes }
}

test('destinations take turns, whatever each of them has', () => {
  const { add, takeAll, destinationsOf } = lanesOf(12)
  add('a/', 50)
  add('b/', 2)
  add('c/', 3)
  expect(destinationsOf(takeAll())).toBe('abcabcaca')
})

test('those that never answer leave places to one that comes later', () => {
  const { lanes, add, takeAll, destinationsOf } = lanesOf(16)
  for (const destination of 'abcdefg') add(`${destination}/`, 50)
  expect(takeAll().length).toBeLessThan(16)
  add('z/', 50)
  expect(destinationsOf(takeAll())).toContain('z')
  expect(lanes.inFlight).toBeLessThanOrEqual(16)
})

test('without destinations all places are for all', () => {
  const { add, takeAll } = lanesOf(8, false)
  add(undefined, 50)
  expect(takeAll()).toHaveLength(8)
})

test('pushes whose destination is not known are taken first, up to the places of the provider', () => {
  const { lanes, add, takeAll, destinationsOf } = lanesOf(8)
  add('a/', 50)
  const unknown = add(undefined, 3)
  expect(takeAll().slice(0, 3)).toEqual(unknown)
  for (const entry of unknown) {
    lanes.end(entry.lane)
    lanes.leave(entry)
    entry.lane = lanes.laneOf('b/')
    lanes.join(entry)
    expect(lanes.takeFor(entry.lane)).toBe(true)
  }
  expect(lanes.laneOf('b/').inFlight).toBe(3)
  expect(destinationsOf(takeAll())).toBe('')
})

test('a pause lets one push through when it is over, and all when that one is answered', async () => {
  const { clock, lanes, add, takeAll, wakes } = lanesOf(64)
  add('a/', 20)
  const lane = lanes.laneOf('a/')
  const { round } = lane
  const first = takeAll()
  expect(first).toHaveLength(8)
  expect(lane.answered(all, round, 64)).toEqual({ afterMs: 0, before: 0 })
  lanes.pause(lane, clock.now() + 1000)
  lanes.end(lane)
  for (const _ of first.slice(1)) {
    // They left together: it is one pause.
    expect(lane.answered(all, round, 64)).toBeUndefined()
    lanes.end(lane)
  }
  expect(lanes.counts).toEqual({ lanes: 1, paused: 1 })
  expect(takeAll()).toEqual([])
  await clock.advance(1000)
  expect(wakes()).toBe(1)
  expect(takeAll()).toHaveLength(1)
  expect(lane.answered(all, lane.round, 64)).toEqual({ afterMs: 0, before: 1 })
  lanes.pause(lane, clock.now() + 2000)
  lanes.end(lane)
  await clock.advance(2000)
  expect(takeAll()).toHaveLength(1)
  lane.answered({ outcome: 'accepted' }, lane.round, 64)
  lanes.end(lane)
  expect(takeAll()).toHaveLength(8)
  expect(lane.answered(all, lane.round, 64)).toEqual({ afterMs: 0, before: 0 })
})

test('destinations without pushes are forgotten when there are many', () => {
  const { clock, lanes, add } = lanesOf()
  for (let i = 0; i < 1000; i++) {
    const [entry] = add(`destination ${i}/`)
    if (!entry) throw new Error('expected an entry')
    lanes.pause(entry.lane, clock.now() + 1e9)
    lanes.leave(entry)
    lanes.laneOf(`only asked for ${i}/`)
  }
  expect(lanes.counts.lanes).toBeLessThanOrEqual(256)
  expect(lanes.counts.paused).toBeLessThanOrEqual(256)
  expect(lanes.laneOf('destination 999/').pause).toBeDefined()
})
