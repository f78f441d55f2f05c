import { connectionTables, put } from '@smpkit/agent-store'
import { systemClock } from '@smpkit/smp-client'
import { type SmpServerOptions, startSmpServer } from '@smpkit/smp-server'
import { describe, expect, it } from 'vitest'
import { idToText } from './connection-id.js'
import { useServer } from './testing/server.js'
import { messagesOf, rowsOf, until } from './testing/switching.js'
import { bytes, connectByAddress, connectByInvitation, type User, useUsers } from './testing/users.js'

const server = useServer()

const minutes = 60_000
const hours = 60 * minutes
/** The rounds of clean-up come every 20 ms. */
const clock = {
  now: systemClock.now,
  schedule: (callback: () => void, delay: number) => systemClock.schedule(callback, delay === 5 * minutes ? 20 : delay),
}
/** The first one comes at once, too. */
const hasty = {
  now: systemClock.now,
  schedule: (callback: () => void, delay: number) => clock.schedule(callback, delay === 30_000 ? 20 : delay),
}
const users = useUsers(() => ({
  servers: [server().addressText],
  retry: { fast: { first: 50, growAfter: 1000, max: 200 } },
  pool: { reconnect: { firstDelay: 10, maxDelay: 20 } },
}))
const code = (code: string) => expect.objectContaining({ code })
const poll = <T>(read: () => T) => expect.poll(read, { timeout: 10_000 })

/** Nothing but events that tell of the deletion. */
async function expectNothingLeft(user: User): Promise<void> {
  expect(await rowsOf(user, 'connections')).toEqual([])
  expect(await rowsOf(user, 'ratchets')).toEqual([])
  for (const table of connectionTables) {
    expect((await rowsOf(user, table)).filter((row) => !('type' in row && row.type === 'deleted'))).toEqual([])
  }
}

describe('the deletion of a connection', () => {
  it('removes it here and its queue on the server; the peer notices when it sends', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const before = server().statistics().queues
    const [a, b] = await connectByInvitation(alice, bob)
    await bob.agent.send(b, bytes('hello'))
    await alice.messages(1)
    await bob.taken('sent')
    await alice.agent.deleteConnection(a)
    expect(await alice.taken('deleted')).toMatchObject({ connection: a })
    await expectNothingLeft(alice)
    expect(server().statistics().queues).toBe(before + 1)
    await bob.agent.send(b, bytes('anybody there?'))
    expect(await bob.taken('notSent')).toMatchObject({ code: 'AUTH' })
    await expect(alice.agent.send(a, bytes('no'))).rejects.toEqual(code('NOT_FOUND'))
    await expect(alice.agent.deleteConnection(a)).rejects.toEqual(code('NOT_FOUND'))
    await bob.agent.deleteConnection(b)
    await bob.taken('deleted')
    expect(server().statistics().queues).toBe(before)
  })

  it('takes along the events that the application has not seen, and those that it has not acknowledged', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a, b] = await connectByInvitation(alice, bob)
    await bob.agent.send(b, bytes('one'))
    await bob.agent.send(b, bytes('two'))
    const one = await alice.take('message')
    await alice.agent.send(a, bytes('three'))
    await bob.find('message', 'sent')
    await poll(async () => (await rowsOf(alice, 'events')).length).toBe(2)
    await alice.agent.deleteConnection(a)
    await one.ack()
    await alice.taken('deleted')
    await alice.restart()
    const { connection } = await alice.agent.createInvitation()
    await alice.agent.deleteConnection(connection)
    expect(await alice.taken('deleted')).toMatchObject({ connection })
  })

  it('of an address takes along its requests; connections that it has made stay', async () => {
    const [owner, guest, other] = [await users.create(), await users.create(), await users.create()]
    const { connection: address, link } = await owner.agent.createAddress()
    await guest.agent.join(link, { info: bytes('guest') })
    const { requestId } = await owner.taken('request')
    const [o, c] = await connectByAddress(owner, other)
    await owner.agent.deleteConnection(address)
    expect(await owner.taken('deleted')).toMatchObject({ connection: address })
    await expect(owner.agent.accept(requestId, { info: bytes('owner') })).rejects.toEqual(code('NOT_FOUND'))
    await guest.agent.join(link, { info: bytes('guest') })
    expect(await guest.taken('failed')).toMatchObject({ code: 'NOT_AVAILABLE' })
    await owner.agent.send(o, bytes('still here'))
    expect(await other.messages(1)).toEqual(['still here'])
    await other.agent.send(c, bytes('me too'))
    expect(await owner.messages(1)).toEqual(['me too'])
  })

  it('of one that has no queue yet is done at once, whatever the server does', async () => {
    const away = await startSmpServer()
    const [alice, bob] = [await users.create({ servers: [away.addressText] }), await users.create()]
    const { link } = await alice.agent.createInvitation()
    await away.stop()
    const b = await bob.agent.join(link, { info: bytes('bob') })
    await bob.agent.deleteConnection(b)
    expect(await bob.taken('deleted')).toMatchObject({ connection: b })
    await expectNothingLeft(bob)
  })

  it('sends nothing of what waits but the one that is being sent', async () => {
    const away = await startSmpServer()
    const [alice, bob] = [await users.create({ servers: [away.addressText] }), await users.create()]
    const [, b] = await connectByInvitation(alice, bob)
    const { port } = away
    const state = await away.stop()
    for (const body of ['under way', 'never', 'never']) await bob.agent.send(b, bytes(body))
    await bob.agent.deleteConnection(b)
    await expect(bob.agent.send(b, bytes('no'))).rejects.toEqual(expect.objectContaining({ name: 'RequestError' }))
    expect(await bob.taken('deleted')).toMatchObject({ connection: b })
    const back = await startSmpServer({ state, port })
    const { connection, link } = await bob.agent.createInvitation()
    await alice.agent.join(link, { info: bytes('alice') })
    await bob.taken('confirmation')
    await bob.agent.allow(connection, bytes('bob'))
    const events = await until(alice, ({ type }) => type === 'connected')
    expect(messagesOf(events).flatMap(([body]) => body)).not.toContain('never')
    await alice.stop()
    await back.stop()
  })

  it('may be asked for twice', async () => {
    const alice = await users.create()
    const { connection } = await alice.agent.createAddress()
    await Promise.all([1, 2].map(() => alice.agent.deleteConnection(connection)))
    await alice.taken('deleted')
    expect(await rowsOf(alice, 'events')).toEqual([])
  })
})

describe('while a server is away', () => {
  async function withServer(options: SmpServerOptions = {}) {
    const away = await startSmpServer(options)
    const alice = await users.create({ servers: [away.addressText] })
    const { connection } = await alice.agent.createAddress()
    return { away, alice, connection }
  }

  it('the deletion survives a restart, and is done when the server is back', async () => {
    const { away, alice, connection } = await withServer()
    const { port } = away
    const state = await away.stop()
    await alice.agent.deleteConnection(connection)
    await poll(() => rowsOf(alice, 'receiveQueues')).toMatchObject([{ deleted: true, deleteErrors: 1 }])
    expect(await rowsOf(alice, 'commands')).toEqual([])
    await alice.stop()
    const back = await startSmpServer({ state, port })
    expect(back.statistics().queues).toBe(1)
    await alice.start({ clock: hasty })
    expect(await alice.taken('deleted')).toMatchObject({ connection })
    expect(back.statistics().queues).toBe(0)
    await expectNothingLeft(alice)
    await back.stop()
  })

  it('ten attempts are made, then the queue is left to the server', async () => {
    const { away, alice, connection } = await withServer()
    await away.stop()
    await alice.agent.deleteConnection(connection)
    await poll(() => rowsOf(alice, 'receiveQueues')).toMatchObject([{ deleteErrors: 1 }])
    await alice.restart({ clock: hasty })
    expect(await alice.taken('deleted')).toMatchObject({ connection })
    await expectNothingLeft(alice)
  })

  it('a server that does not know the queue counts as one that has deleted it', async () => {
    const { away, alice, connection } = await withServer()
    const { port, identity } = away
    await away.stop()
    const empty = await startSmpServer({ identity, port })
    await alice.agent.deleteConnection(connection)
    await until(alice, (event) => event.type === 'deleted')
    await expectNothingLeft(alice)
    await empty.stop()
  })
})

describe('a deletion that waits for delivery', () => {
  it('sends what waits, and what is added, before the connection goes', async () => {
    const away = await startSmpServer()
    const [alice, bob] = [await users.create({ servers: [away.addressText] }), await users.create()]
    const [, b] = await connectByInvitation(alice, bob)
    const { port } = away
    const state = await away.stop()
    await bob.agent.send(b, bytes('one'))
    await bob.agent.deleteConnection(b, { waitForDelivery: true })
    await bob.agent.send(b, bytes('two'))
    await poll(() => rowsOf(bob, 'receiveQueues')).toEqual([])
    expect(await rowsOf(bob, 'connections')).toMatchObject([{ deletion: 'afterDelivery' }])
    await bob.restart()
    const back = await startSmpServer({ state, port })
    expect(await alice.messages(2)).toEqual(['one', 'two'])
    expect((await until(bob, ({ type }) => type === 'deleted')).at(-1)).toMatchObject({ connection: b })
    await expectNothingLeft(bob)
    await alice.stop()
    await back.stop()
  })

  it('is at once where nothing waits, and a second call need not wait', async () => {
    const away = await startSmpServer()
    const [alice, bob] = [await users.create({ servers: [away.addressText] }), await users.create()]
    const [, b] = await connectByInvitation(alice, bob)
    const { connection } = await bob.agent.createInvitation()
    await bob.agent.deleteConnection(connection, { waitForDelivery: true })
    expect(await bob.taken('deleted')).toMatchObject({ connection })
    await away.stop()
    await bob.agent.send(b, bytes('never'))
    await bob.agent.deleteConnection(b, { waitForDelivery: true })
    await poll(() => rowsOf(bob, 'receiveQueues')).toEqual([])
    await bob.agent.deleteConnection(b)
    expect(await bob.taken('deleted')).toMatchObject({ connection: b })
    await expectNothingLeft(bob)
  })

  it('waits no longer than two days', async () => {
    const away = await startSmpServer()
    const [alice, bob] = [await users.create({ servers: [away.addressText] }), await users.create()]
    const [, b] = await connectByInvitation(alice, bob)
    await away.stop()
    await bob.agent.send(b, bytes('never'))
    await bob.agent.deleteConnection(b, { waitForDelivery: true })
    await poll(() => rowsOf(bob, 'receiveQueues')).toEqual([])
    const retry = { messageTimeout: 1000 * hours }
    let ahead = 47 * hours
    await bob.restart({ clock: hasty, retry, now: () => Date.now() + ahead })
    await new Promise((resolve) => clock.schedule(() => resolve(undefined), 300))
    expect((await rowsOf(bob, 'connections')).length).toBe(1)
    ahead = 49 * hours
    expect(await bob.taken('deleted')).toMatchObject({ connection: b })
    await expectNothingLeft(bob)
  })
})

it('what still comes for a connection that is being deleted is not told', async () => {
  const [alice, bob] = [await users.create(), await users.create()]
  const [a, b] = await connectByInvitation(alice, bob)
  const [, other] = await connectByInvitation(alice, bob)
  const row = (await rowsOf(alice, 'connections')).find(({ connId }) => idToText(connId) === a)
  if (!row) throw new Error('expected a connection')
  await alice.store.atomic({}, () => ({ writes: [put('connections', { ...row, deletion: 'now' })], result: undefined }))
  await bob.agent.send(b, bytes('too late'))
  await bob.taken('sent')
  await bob.agent.send(other, bytes('in time'))
  expect(await alice.messages(1)).toEqual(['in time'])
  expect(await rowsOf(alice, 'events')).toEqual([])
})
