import { type AgentStore, insert, openMemoryStore, type Row, remove, StoreError } from '@smpkit/agent-store'
import { ManualClock } from '@smpkit/smp-server'
import { expect, it } from 'vitest'
import { EventStream } from './event-stream.js'
import { type AgentEvent, encodePayload } from './events.js'

const connId = new Uint8Array(12)
const clock = new ManualClock()

const row = (eventId: number, owner = connId): Row<'events'> => ({
  eventId,
  connId: owner,
  type: 'connected',
  messageId: 0,
  queueNo: 0,
  brokerId: new Uint8Array(0),
  data: encodePayload('connected', {}),
  createdAt: 0,
})

async function save(store: AgentStore, ...rows: Row<'events'>[]): Promise<void> {
  await store.atomic({}, () => ({ writes: rows.map((one) => insert('events', one)), result: undefined }))
}

async function setUp(earlier = 0) {
  const store = openMemoryStore()
  await save(store, ...Array.from({ length: earlier }, (_, i) => row(i + 1)))
  const closing = new AbortController()
  const state = { isAway: false }
  const remote: AgentStore = {
    ...store,
    supports: store.supports,
    closed: store.closed,
    read: (queries) => (state.isAway ? Promise.reject(away()) : store.read(queries)),
  }
  const ack = ({ eventId }: Row<'events'>) =>
    store.atomic({}, () => ({ writes: [remove('events', { eventId })], result: undefined }))
  const stream = new EventStream({ store: remote, clock, lastStored: earlier, ack, closing: closing.signal })
  /** As the agent does it: stored, then added. */
  const add = async (...rows: Row<'events'>[]) => {
    await save(store, ...rows)
    for (const one of rows) stream.add(one)
  }
  return { store, closing, state, stream, add, events: stream.read() }
}

const away = () => new StoreError('UNAVAILABLE', 'away', { temporary: true })

async function take(events: AsyncIterator<AgentEvent>, count: number): Promise<AgentEvent[]> {
  const taken: AgentEvent[] = []
  while (taken.length < count) {
    const { value, done } = await events.next()
    if (done) throw new Error('expected an event, the stream has ended')
    taken.push(value)
  }
  return taken
}

const idsOf = (events: readonly AgentEvent[]) => events.map(({ eventId }) => eventId)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

it('those of earlier processes come first, then new ones, each once', async () => {
  const { add, events } = await setUp(250)
  await add(row(251), row(252))
  const taken = await take(events, 252)
  expect(idsOf(taken)).toEqual(upTo(252))
  expect(taken.map(({ redelivered }) => redelivered)).toEqual(upTo(252).map((id) => id <= 250))
  const next = events.next()
  await add(row(253))
  expect((await next).value).toMatchObject({ eventId: 253, redelivered: false })
})

it('more than are kept in memory come in order, too', async () => {
  const { add, events } = await setUp()
  await add(...upTo(2500).map((id) => row(id)))
  expect(idsOf(await take(events, 2500))).toEqual(upTo(2500))
})

it('several readers share them', async () => {
  const { stream, add } = await setUp(3)
  const [one, two] = [stream.read(), stream.read()]
  await add(row(4))
  const taken = (await Promise.all([take(one, 2), take(two, 2)])).flat()
  expect(idsOf(taken).toSorted()).toEqual([1, 2, 3, 4])
})

it('one that was given out comes again when asked to, until it is acknowledged', async () => {
  const { stream, add, events } = await setUp()
  await add(row(1), row(2), row(3))
  // Not given out yet: once is enough.
  stream.addAgain(row(1))
  const [first] = await take(events, 1)
  stream.addAgain(row(1))
  stream.addAgain(row(1))
  const taken = await take(events, 3)
  expect(taken.map(({ eventId, redelivered }) => [eventId, redelivered])).toEqual([
    [2, false],
    [3, false],
    [1, true],
  ])
  await first?.ack()
  stream.addAgain(row(1))
  stream.addAgain(row(2))
  await taken[0]?.ack()
  await add(row(4))
  expect(idsOf(await take(events, 1))).toEqual([4])
})

it('an acknowledgement is carried out once, and again if it failed', async () => {
  const store = openMemoryStore()
  let failures = 1
  let count = 0
  const ack = async () => {
    count++
    if (failures-- > 0) throw away()
  }
  const stream = new EventStream({ store, clock, lastStored: 0, ack, closing: new AbortController().signal })
  stream.add(row(1))
  const [event] = await take(stream.read(), 1)
  await expect(event?.ack()).rejects.toEqual(away())
  await Promise.all([event?.ack(), event?.ack()])
  await event?.ack()
  expect(count).toBe(2)
})

it('those of a connection that is removed are not given out', async () => {
  const { store, stream, add, events } = await setUp()
  const other = new Uint8Array(12).fill(1)
  await add(row(1), row(2, other), row(3))
  const writes = [remove('events', { eventId: 1 }), remove('events', { eventId: 3 })]
  await store.atomic({}, () => ({ writes, result: undefined }))
  stream.forget(connId)
  expect(idsOf(await take(events, 1))).toEqual([2])
})

it('a store that is away is asked again later', async () => {
  const { state, stream, add, events } = await setUp()
  await add(row(1))
  const [first] = await take(events, 1)
  state.isAway = true
  stream.addAgain(row(1))
  const next = events.next()
  await new Promise((resolve) => setImmediate(resolve))
  state.isAway = false
  clock.advance(500)
  expect((await next).value).toMatchObject({ eventId: first?.eventId, redelivered: true })
})

it('the end of the agent ends it, and an aborted signal rejects with its reason', async () => {
  const { closing, stream, events } = await setUp()
  const stop = new AbortController()
  const stopped = stream.read(stop.signal).next()
  const ended = events.next()
  const reason = new Error('enough')
  stop.abort(reason)
  await expect(stopped).rejects.toBe(reason)
  closing.abort()
  expect((await ended).done).toBe(true)
})
