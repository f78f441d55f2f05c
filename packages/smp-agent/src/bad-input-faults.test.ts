// Servers that lose queues, and stores that fail.
import { find, remove } from '@smpkit/agent-store'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { idFromText } from './connection-id.js'
import { FlakyStore } from './testing/flaky-store.js'
import { useForgers } from './testing/forger.js'
import { bytes, connectByInvitation, text, User, useUsers } from './testing/users.js'

let server: SmpServer
const options = () => ({
  servers: [server.addressText],
  retry: { fast: { first: 50, growAfter: 10_000, max: 200 } },
})
const flakyUsers: User[] = []
beforeAll(async () => {
  server = await startSmpServer()
})
afterAll(async () => {
  for (const user of flakyUsers) await user.drop()
  await server.stop()
})
const users = useUsers(options)
const forgerOf = useForgers()

/** Bob's store fails when the test says so. */
async function connected(store = new FlakyStore()) {
  const [alice, bob] = [await users.create(), new User(store, options())]
  flakyUsers.push(bob)
  await bob.start()
  const [a, b] = await connectByInvitation(alice, bob)
  return { alice, bob, a, b, store }
}

/** Until the store has failed so often since. */
async function failed(store: FlakyStore, count: number): Promise<void> {
  const from = store.failures
  while (store.failures < from + count) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe.each(['all', 'writes'] as const)('while a store fails (%s)', (failing) => {
  it('what comes waits, and is given out once when it works again', async () => {
    const { alice, bob, a, b, store } = await connected()
    store.failing = failing
    for (const message of ['one', 'two', 'three']) await alice.agent.send(a, bytes(message))
    await failed(store, 1)
    store.failing = 'nothing'
    const first = await bob.take('message')
    store.failing = failing
    await expect(first.ack()).rejects.toMatchObject({ name: 'StoreError', temporary: true })
    store.failing = 'nothing'
    await first.ack()
    expect([text(first.body), ...(await bob.messages(2))]).toEqual(['one', 'two', 'three'])
    await bob.agent.send(b, bytes('end'))
    expect(await alice.messages(1)).toEqual(['end'])
    const { events } = await bob.store.read({ events: find('events', 'byConnection', { connId: idFromText(b) }) })
    expect(events.filter(({ type }) => type !== 'sent')).toEqual([])
  })

  it('nothing is sent, and the caller knows', async () => {
    const { alice, bob, b, store } = await connected()
    store.failing = failing
    await expect(bob.agent.send(b, bytes('lost'))).rejects.toMatchObject({ name: 'StoreError', temporary: true })
    await expect(bob.agent.synchronize(b, { force: true })).rejects.toMatchObject({ name: 'StoreError' })
    store.failing = 'nothing'
    await bob.agent.send(b, bytes('sent'))
    expect(await alice.messages(1)).toEqual(['sent'])
    await bob.taken('sent')
  })

  it('what waits to be sent goes on afterwards, in order', async () => {
    const { alice, bob, b, store } = await connected()
    const messages = Array.from({ length: 20 }, (_, i) => `message ${i}`)
    for (const message of messages) await bob.agent.send(b, bytes(message))
    store.failing = failing
    await failed(store, 1)
    store.failing = 'nothing'
    expect(await alice.messages(20)).toEqual(messages)
    for (const _ of messages) await bob.taken('sent')
  })

  it('a connection that is being made goes on afterwards', async () => {
    const [alice, store] = [await users.create(), new FlakyStore()]
    const bob = new User(store, options())
    flakyUsers.push(bob)
    await bob.start()
    const { connection, link } = await alice.agent.createInvitation()
    const b = await bob.agent.join(link, { info: bytes('bob') })
    store.failing = failing
    await failed(store, 1)
    store.failing = 'nothing'
    await alice.taken('confirmation')
    store.failing = failing
    await alice.agent.allow(connection, bytes('alice'))
    await failed(store, 1)
    store.failing = 'nothing'
    await bob.taken('info')
    await bob.taken('connected')
    await alice.taken('connected')
    await bob.agent.send(b, bytes('hello'))
    expect(await alice.messages(1)).toEqual(['hello'])
  })
})

it('a store that fails for good ends the agent, which says why', async () => {
  const { alice, bob, a, store } = await connected(new FlakyStore({ temporary: false }))
  store.failing = 'all'
  await alice.agent.send(a, bytes('hello'))
  expect(await bob.agent.closed).toMatchObject({ name: 'StoreError', code: 'UNAVAILABLE' })
  expect(() => bob.agent.events()).toThrow('closed')
  store.failing = 'nothing'
  await bob.restart()
  expect(await bob.messages(1)).toEqual(['hello'])
})

describe('a server that has lost a queue', () => {
  it('is told to both sides, and the other direction goes on', async () => {
    const { alice, bob, a, b } = await connected()
    const other = await connectByInvitation(alice, bob)
    const { queues } = await alice.store.read({
      queues: find('receiveQueues', 'byConnection', { connId: idFromText(a) }),
    })
    const { port } = server
    const state = await server.stop()
    for (const queue of state.store.queues.values()) {
      if (queues.some(({ senderId }) => Buffer.from(senderId).equals(Buffer.from(queue.senderId, 'latin1')))) {
        state.store.delete(queue)
      }
    }
    server = await startSmpServer({ port, state })
    expect(await alice.taken('failed')).toMatchObject({ connection: a, code: 'QUEUE_LOST' })
    const id = await bob.agent.send(b, bytes('lost'))
    expect(await bob.taken('notSent')).toMatchObject({ id, code: 'AUTH' })
    await alice.agent.send(a, bytes('still there'))
    await alice.taken('sent')
    expect(await bob.messages(1)).toEqual(['still there'])
    await bob.agent.send(other[1], bytes('and the other connection'))
    expect(await alice.messages(1)).toEqual(['and the other connection'])
  })
})

it('a connection that is deleted while what is wrong with a message is stored ends nothing else', async () => {
  const { alice, bob, a, b, store } = await connected()
  const other = await connectByInvitation(alice, bob)
  const connId = idFromText(b)
  let isDeleted = false
  store.beforeWrite = async (inner) => {
    store.beforeWrite = undefined
    isDeleted = true
    await inner.atomic({}, () => ({ writes: [remove('connections', { connId })], result: undefined }))
  }
  await forgerOf(alice, a).sendInside(bytes('?'))
  await expect.poll(() => isDeleted).toBe(true)
  await alice.agent.send(other[0], bytes('the other one'))
  expect(await bob.messages(1)).toEqual(['the other one'])
})
