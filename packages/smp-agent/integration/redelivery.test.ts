import { expect, it } from 'vitest'
import { Lossy } from '../src/testing/lossy.js'
import { bytes, connectByInvitation, text, type User, useUsers } from '../src/testing/users.js'
import { overStorages, useTarget } from './target.js'

const target = useTarget()

overStorages((storage) => {
  const users = useUsers(target.first, storage)

  /** Two users of whom the first one sends, and her end of the connection. */
  async function pair(): Promise<[User, User, string]> {
    const [alice, bob] = [await users.create(), await users.create()]
    const [a] = await connectByInvitation(alice, bob)
    return [alice, bob, a]
  }

  it('a message that was not acknowledged comes again after a restart, with the same ids, before later ones', async () => {
    const [alice, bob, a] = await pair()
    await alice.agent.send(a, bytes('one'))
    await alice.agent.send(a, bytes('two'))
    const first = await bob.take('message')
    await bob.restart()
    const again = await bob.take('message')
    expect(first.redelivered).toBe(false)
    expect(again).toMatchObject({ id: first.id, eventId: first.eventId, sentId: first.sentId, redelivered: true })
    expect(text(again.body)).toBe('one')
    await again.ack()
    const second = await bob.taken('message')
    expect([text(second.body), second.redelivered]).toEqual(['two', false])
  })

  it('what was acknowledged never comes again', async () => {
    const [alice, bob, a] = await pair()
    for (const body of ['one', 'two', 'three']) {
      await alice.agent.send(a, bytes(body))
      const message = await bob.taken('message')
      expect([text(message.body), message.redelivered]).toEqual([body, false])
      await bob.restart()
    }
  })

  it('a message comes again when the connection to the server comes back, until it is acknowledged', async (context) => {
    const server = target.embedded(context)
    const [alice, bob, a] = await pair()
    await alice.agent.send(a, bytes('one'))
    const first = await bob.take('message')
    for (let i = 0; i < 2; i++) {
      await server.dropConnections()
      const again = await bob.take('message')
      expect(again).toMatchObject({ id: first.id, eventId: first.eventId, redelivered: true })
      expect(text(again.body)).toBe('one')
    }
    // The one that was given out first will do, too.
    await first.ack()
    await server.dropConnections()
    await alice.agent.send(a, bytes('two'))
    expect(text((await bob.taken('message')).body)).toBe('two')
  })

  it('an acknowledgement that does not reach the server is made up for', async (context) => {
    const server = target.embedded(context)
    const [alice, bob, a] = await pair()
    await alice.agent.send(a, bytes('one'))
    const first = await bob.take('message')
    await server.stop()
    await first.ack()
    await server.start()
    await alice.agent.send(a, bytes('two'))
    const second = await bob.taken('message')
    expect([text(second.body), second.redelivered, second.integrity]).toEqual(['two', false, 'OK'])
  })

  it('an acknowledgement after the agent was closed is stored', async () => {
    const [alice, bob, a] = await pair()
    await alice.agent.send(a, bytes('one'))
    const { agent } = bob
    const first = await bob.take('message')
    await agent.close()
    await first.ack()
    await bob.restart()
    await alice.agent.send(a, bytes('two'))
    expect(text((await bob.taken('message')).body)).toBe('two')
  })

  it('a message that is sent twice, because the answer of the server was lost, is given out once', async () => {
    const lossy = new Lossy()
    const [alice, bob] = [await users.create({ route: lossy.route }), await users.create()]
    const [a] = await connectByInvitation(alice, bob)
    lossy.losing = true
    const id = await alice.agent.send(a, bytes('one'))
    await expect.poll(() => lossy.lost, { timeout: 20_000 }).toBeGreaterThan(2)
    lossy.losing = false
    expect((await alice.taken('sent')).id).toBe(id)
    await alice.agent.send(a, bytes('two'))
    expect(await bob.messages(2)).toEqual(['one', 'two'])
  })

  it('other events wait for the application, too', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const { connection, link } = await alice.agent.createInvitation()
    await bob.agent.join(link, { info: bytes('bob') })
    const first = await alice.take('confirmation')
    await alice.restart()
    const again = await alice.take('confirmation')
    expect(again).toMatchObject({ eventId: first.eventId, connection, redelivered: true })
    expect(text(again.info)).toBe('bob')
    await alice.agent.allow(connection, bytes('alice'))
    await alice.restart()
    // Allowed, and not acknowledged yet.
    await alice.agent.allow(connection, bytes('alice'))
    await alice.found('confirmation', 'connected')
    await bob.taken('info')
    await bob.taken('connected')
  })
})
