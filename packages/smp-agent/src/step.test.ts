import { openMemoryStore, type Row, tables } from '@smpkit/agent-store'
import { expect, it } from 'vitest'
import { noneWaiting } from './event-bounds.js'
import { newConnection } from './invitations.js'
import { freshReceiveQueue } from './queues.js'
import { Step } from './step.js'
import { connectionQueries, type ReceiveQueue, type SendQueue } from './step-rows.js'
import { storedCommand } from './stored.js'

function sourceOf() {
  let [eventId, commandNo] = [0, 0]
  return { nextEventId: () => ++eventId, nextCommandNo: () => ++commandNo, now: () => 1000 }
}

const empty = new Uint8Array(0)

const receiveQueue: Omit<ReceiveQueue, 'connId' | 'queueNo'> = {
  server: 'smp://',
  recipientId: empty,
  senderId: empty,
  recipientKey: empty,
  bodySecret: empty,
  dhKey: empty,
  ...freshReceiveQueue,
  clientVersion: 4,
  queueMode: 'messaging',
}

const sendQueue: Omit<SendQueue, 'connId' | 'queueNo'> = {
  server: 'smp://',
  senderId: empty,
  senderKey: empty,
  dhPublicKey: empty,
  e2eSecret: empty,
  status: 'new',
  isPrimary: true,
  replaces: null,
  switchStatus: 'none',
  clientVersion: 4,
  queueMode: 'messaging',
}

function setUp() {
  const store = openMemoryStore()
  const source = sourceOf()
  const row = newConnection({ now: source.now, pqSupport: true }, { mode: 'invitation' })
  const { connId } = row
  /** As the agent does it, without what follows. */
  const change = <R>(work: (step: Step) => R) =>
    store.atomic(connectionQueries(connId), ({ connection, ...rest }) => {
      const step = connection
        ? new Step({ connection, ...rest, waiting: noneWaiting }, source)
        : Step.create(row, source)
      const result = work(step)
      return step.finish({ step, result })
    })
  const stored = () => store.read(connectionQueries(connId))
  return { store, connId, change, stored }
}

const body = {
  hash: new Uint8Array(32),
  key: empty,
  paddedLength: 0,
  notification: false,
}

it('what was changed is seen at once, and stored', async () => {
  const { change, stored } = setUp()
  const { step } = await change((step) => {
    step.addReceiveQueue(receiveQueue)
    step.addReceiveQueue({ ...receiveQueue, replaces: 1 })
    step.addSendQueue(sendQueue)
    step.setReceiveQueue(2, { status: 'active' })
    step.setSendQueue(1, { status: 'secured' })
    step.set({ synchronization: 'started' })
    step.set({ lastSentId: 5 })
    expect(step.receiveQueue(2).status).toBe('active')
    expect(step.sendQueue(1).status).toBe('secured')
    step.removeReceiveQueue(1)
    expect(() => step.receiveQueue(1)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
  })
  const { connection, receiveQueues, sendQueues, ratchet } = await stored()
  expect(connection).toMatchObject({ synchronization: 'started', lastSentId: 5 })
  expect(receiveQueues.map(({ queueNo, status }) => [queueNo, status])).toEqual([[2, 'active']])
  expect(sendQueues).toEqual([{ ...sendQueue, connId: step.connId, queueNo: 1, status: 'secured' }])
  expect(ratchet).toBe(undefined)
  expect(step.effects.subscribe.map(({ queueNo }) => queueNo)).toEqual([1, 2])
  expect(step.effects.unsubscribe.map(({ queueNo }) => queueNo)).toEqual([1])
})

it('a queue that comes after another one went has a number of its own while that is the highest', async () => {
  const { change } = setUp()
  await change((step) => {
    step.addSendQueue(sendQueue)
    step.addSendQueue(sendQueue)
    step.removeSendQueue(1)
    expect(step.addSendQueue(sendQueue).queueNo).toBe(3)
  })
})

it('messages have ascending numbers, and wait for the queues that can be written to', async () => {
  const { change, store } = setUp()
  await change((step) => {
    for (const status of ['new', 'confirmed', 'secured', 'active'] as const) {
      step.addSendQueue({ ...sendQueue, isPrimary: status === 'new', status })
    }
  })
  const { step, result } = await change((step) => [
    step.enqueue('ratchetKey', empty, { ...body, queues: [1, 3] }),
    step.enqueue('ratchetKey', empty, { ...body, queues: [4] }),
  ])
  expect(result).toEqual([1, 2])
  expect([...step.effects.deliveries]).toEqual([1, 3, 4])
  const deliveries: Row<'deliveries'>[] = []
  for await (const page of store.pages('deliveries')) deliveries.push(...page)
  expect(deliveries.map(({ queueNo, messageId }) => [queueNo, messageId])).toEqual([
    [1, 1],
    [3, 1],
    [4, 2],
  ])
  expect(step.connection).toMatchObject({ lastMessageId: 2, lastSentId: 2, lastSentHash: body.hash })
})

it('nothing can be sent without a ratchet, nor what is too large', async () => {
  const { change } = setUp()
  await change((step) => step.addSendQueue(sendQueue))
  await expect(change((step) => step.send({ type: 'hello' }))).rejects.toEqual(
    expect.objectContaining({ code: 'PROHIBITED' }),
  )
  await expect(change((step) => step.send({ type: 'msg', body: new Uint8Array(16_000) }))).rejects.toEqual(
    expect.objectContaining({ code: 'LARGE' }),
  )
})

it('events and commands are numbered over all connections, and told when they are stored', async () => {
  const { change, store } = setUp()
  const { step } = await change((step) => {
    step.event('connected', {})
    step.event('sent', {}, { messageId: 3 })
    step.command({ tag: 'deleteQueue', queueNo: 1 })
  })
  expect(step.effects.events.map(({ eventId, type, messageId }) => [eventId, type, messageId])).toEqual([
    [1, 'connected', 0],
    [2, 'sent', 3],
  ])
  expect(step.effects.commands).toBe(true)
  expect(await store.last('events')).toBe(2)
  for await (const [command] of store.pages('commands')) {
    expect(command && storedCommand.fromBytes(command.data)).toEqual({ tag: 'deleteQueue', queueNo: 1 })
  }
})

it('the ratchet has a new version with each change, one a step', async () => {
  const { change, stored } = setUp()
  await change((step) => {
    step.setRatchet({ params: Uint8Array.of(1) })
    step.setRatchet({ params: Uint8Array.of(2) })
  })
  expect((await stored()).ratchet).toMatchObject({ version: 1, params: Uint8Array.of(2), keys: null, state: null })
  const { step } = await change((step) => step.setRatchet({ params: null }))
  expect((await stored()).ratchet).toMatchObject({ version: 2, params: null })
  expect(step.isJoiner).toBe(false)
  await change(() => {})
  expect((await stored()).ratchet).toMatchObject({ version: 2 })
})

it('a connection goes with all that belongs to it, except what is written afterwards', async () => {
  const { change, store, stored } = setUp()
  await change((step) => {
    step.addReceiveQueue(receiveQueue)
    step.addSendQueue(sendQueue)
    step.setRatchet({ params: empty })
    step.enqueue('ratchetKey', empty, { ...body, queues: [1] })
    step.event('connected', {})
    step.command({ tag: 'deleteQueue', queueNo: 1 })
  })
  const { step } = await change((step) => {
    step.set({ deletion: 'now' })
    step.removeConnection()
    step.event('deleted', {})
  })
  expect(await stored()).toEqual({ connection: undefined, receiveQueues: [], sendQueues: [], ratchet: undefined })
  expect(step.effects.unsubscribe).toHaveLength(1)
  const left: string[] = []
  for (const name of Object.keys(tables) as (keyof typeof tables)[]) {
    for await (const page of store.pages(name))
      left.push(...page.map((row) => ('type' in row ? String(row.type) : name)))
  }
  expect(left).toEqual(['deleted'])
})
