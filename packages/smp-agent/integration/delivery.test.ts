import { ManualClock } from '@smpkit/smp-server'
import { describe, expect, it } from 'vitest'
import { bytes, connectByAddress, connectByInvitation, text, useUsers } from '../src/testing/users.js'
import { quick, useServer } from './target.js'

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `message ${i}`)

describe('where the queue is full', () => {
  const server = useServer({ quota: 3 })
  const users = useUsers(() => ({ ...quick, servers: [server.address] }))

  it('a message waits, which is told once, and goes on as soon as the peer has made room', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a] = await connectByInvitation(alice, bob)
    const ids: number[] = []
    for (const body of numbered(8)) ids.push(await alice.agent.send(a, bytes(body)))
    for (const id of ids.slice(0, 3)) expect((await alice.taken('sent')).id).toBe(id)
    // The default delay is 5 minutes: without being woken it would not go on.
    expect(await alice.taken('waiting')).toMatchObject({ connection: a, id: ids[3], code: 'QUOTA' })
    expect(await bob.messages(8)).toEqual(numbered(8))
    const sent: number[] = []
    while (sent.length < 5) sent.push((await alice.found('sent', 'waiting')).id)
    expect(sent).toEqual(ids.slice(3))
  })

  it('a message is given up after 7 days, and so are those behind it', async () => {
    let past = 0
    const now = () => Date.now() + past
    const [alice, bob] = [await users.create({ now }), await users.create()]
    const [a] = await connectByInvitation(alice, bob)
    await bob.stop()
    const ids: number[] = []
    for (const body of numbered(6)) ids.push(await alice.agent.send(a, bytes(body)))
    await alice.found('waiting', 'sent')
    past = 7 * 24 * 3_600_000 + 1000
    await alice.restart()
    for (const id of ids.slice(3)) {
      expect(await alice.found('notSent', 'sent', 'waiting')).toMatchObject({ id, code: 'QUOTA' })
    }
  })
})

describe('where the server is away', () => {
  const server = useServer()
  const other = useServer()
  const users = useUsers(() => ({ ...quick, servers: [server.address] }))

  it('messages wait for it, across a restart of the agent', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a] = await connectByInvitation(alice, bob)
    await server.stop()
    for (const body of numbered(5)) await alice.agent.send(a, bytes(body))
    await alice.restart()
    await alice.agent.send(a, bytes('last'))
    await server.start()
    expect(await bob.messages(6)).toEqual([...numbered(5), 'last'])
  })

  it('connections over other servers do not wait', async () => {
    const [alice, bob] = [await users.create({ servers: [other.address] }), await users.create()]
    const carol = await users.create({ servers: [other.address] })
    const [toBob] = await connectByInvitation(alice, bob)
    const [toCarol] = await connectByInvitation(alice, carol)
    await server.stop()
    await alice.agent.send(toBob, bytes('waits'))
    await alice.agent.send(toCarol, bytes('goes'))
    expect(await carol.messages(1)).toEqual(['goes'])
    await server.start()
    expect(await bob.messages(1)).toEqual(['waits'])
  })

  it('to join waits for it, and so does a request', async () => {
    const [alice, bob, carol] = [await users.create(), await users.create(), await users.create()]
    const { connection, link } = await alice.agent.createInvitation()
    const { link: address } = await alice.agent.createAddress()
    await server.stop()
    await bob.agent.join(link, { info: bytes('bob') })
    await carol.agent.join(address, { info: bytes('carol') })
    await server.start()
    const events = [await alice.next(), await alice.next()]
    expect(events.map(({ type }) => type).toSorted()).toEqual(['confirmation', 'request'])
    for (const event of events) await event.ack()
    await alice.agent.allow(connection, bytes('alice'))
    await bob.taken('info')
    await bob.taken('connected')
  })

  it('a message is given up after 2 days, and so are those behind it that are as old', async () => {
    let past = 0
    const now = () => Date.now() + past
    const [alice, bob] = [await users.create({ now }), await users.create()]
    const [a] = await connectByInvitation(alice, bob)
    await server.stop()
    const ids: number[] = []
    for (const body of ['one', 'two']) ids.push(await alice.agent.send(a, bytes(body)))
    past = 2 * 24 * 3_600_000 + 1000
    const young = await alice.agent.send(a, bytes('young'))
    for (const id of ids) expect(await alice.taken('notSent')).toMatchObject({ connection: a, id, code: 'CONNECT' })
    await server.start()
    expect((await alice.taken('sent')).id).toBe(young)
    const message = await bob.taken('message')
    expect([text(message.body), message.integrity]).toEqual(['young', expect.stringMatching(/^ERR NO_ID \d+ \d+$/)])
  })

  it('the delays grow, and those that were reached go on after a restart', async () => {
    const clock = new ManualClock()
    const delays = async (since: number) => {
      for await (const [row] of alice.store.pages('deliveries')) if (row && row.fastDelay > since) return row.fastDelay
      return 0
    }
    const later = async (since: number) => {
      await expect
        .poll(
          () => {
            clock.advance(200_000)
            past += 200_000
            return delays(since)
          },
          { timeout: 20_000, interval: 10 },
        )
        .toBeGreaterThan(since)
      return await delays(since)
    }
    let past = 0
    const now = () => Date.now() + past
    const [alice, bob] = [await users.create({ now }), await users.create()]
    const [a] = await connectByInvitation(alice, bob)
    await server.stop()
    await alice.restart({ clock, retry: {} })
    await alice.agent.send(a, bytes('one'))
    const second = await later(2000)
    await alice.restart()
    const third = await later(second)
    expect([second, third]).toEqual([3000, 4500])
    await server.start()
  })

  it('an agent that tries to reach it can be closed', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a, b] = await connectByAddress(alice, bob)
    const { link } = await alice.agent.createInvitation()
    await server.stop()
    await alice.agent.send(a, bytes('one'))
    await bob.agent.send(b, bytes('two'))
    await bob.agent.join(link, { info: bytes('bob') })
    await Promise.all([alice.agent.close(), bob.agent.close()])
    expect(await alice.agent.closed).toBe(undefined)
    await expect(alice.agent.send(a, bytes('three'))).rejects.toEqual(expect.objectContaining({ code: 'CLOSED' }))
    await server.start()
    await Promise.all([alice.restart(), bob.restart()])
    expect(text((await alice.found('message', 'sent', 'confirmation')).body)).toBe('two')
    expect(await bob.messages(1)).toEqual(['one'])
  })
})

describe('where the server has lost the queues', () => {
  const server = useServer()
  const users = useUsers(() => ({ ...quick, servers: [server.address] }))

  it('messages fail for good, and both are told', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a, b] = await connectByInvitation(alice, bob)
    await server.stop({ lose: true })
    await server.start()
    expect(await alice.taken('failed')).toMatchObject({ connection: a, code: 'QUEUE_LOST' })
    expect(await bob.taken('failed')).toMatchObject({ connection: b, code: 'QUEUE_LOST' })
    const id = await alice.agent.send(a, bytes('one'))
    expect(await alice.taken('notSent')).toMatchObject({ connection: a, id, code: 'AUTH' })
    // Others are made as before.
    await connectByInvitation(alice, bob)
  })
})
