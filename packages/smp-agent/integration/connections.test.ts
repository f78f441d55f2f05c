import { expect, it } from 'vitest'
import { Lossy } from '../src/testing/lossy.js'
import { bytes, text, useUsers } from '../src/testing/users.js'
import { overStorages, useTarget } from './target.js'

const target = useTarget()
const code = (code: string) => expect.objectContaining({ code })
const joiner = { info: bytes('joiner') }

overStorages((storage) => {
  const users = useUsers(target.first, storage)

  it('an invitation connects two users on two servers, who tell each other who they are', async () => {
    const [alice, bob] = [await users.create(), await users.create(target.second())]
    const { connection: a, link } = await alice.agent.createInvitation()
    const b = await bob.agent.join(link, { info: bytes('bob') })
    const confirmation = await alice.taken('confirmation')
    expect(confirmation).toMatchObject({ connection: a, pqSupport: true, redelivered: false })
    expect(text(confirmation.info)).toBe('bob')
    await alice.agent.allow(a, bytes('alice'))
    const info = await bob.taken('info')
    expect(info).toMatchObject({ connection: b, pqSupport: true })
    expect(text(info.info)).toBe('alice')
    expect(await bob.taken('connected')).toMatchObject({ connection: b })
    expect(await alice.taken('connected')).toMatchObject({ connection: a })
    await alice.agent.send(a, bytes('hello'))
    expect(await bob.messages(1)).toEqual(['hello'])
  })

  it('both may send before the application has seen that they are connected', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const { connection: a, link } = await alice.agent.createInvitation()
    const b = await bob.agent.join(link, joiner)
    await alice.taken('confirmation')
    await bob.agent.send(b, bytes('early'))
    expect(text((await alice.taken('message')).body)).toBe('early')
    await alice.agent.allow(a, bytes('alice'))
    await alice.agent.send(a, bytes('welcome')).catch(async (error) => {
      expect(error).toEqual(code('PROHIBITED'))
      await alice.taken('connected')
      await alice.agent.send(a, bytes('welcome'))
    })
    expect(text((await bob.found('message', 'info', 'connected', 'sent')).body)).toBe('welcome')
  })

  it('an invitation is good for one: the next to join it is told so, and the first one is not disturbed', async () => {
    const [alice, bob, carol] = [await users.create(), await users.create(), await users.create()]
    const { connection: a, link } = await alice.agent.createInvitation()
    const b = await bob.agent.join(link, joiner)
    await alice.taken('confirmation')
    const c = await carol.agent.join(link, joiner)
    expect(await carol.taken('failed')).toMatchObject({ connection: c, code: 'NOT_AVAILABLE' })
    await alice.agent.allow(a, bytes('alice'))
    await bob.taken('info')
    await bob.taken('connected')
    await bob.agent.send(b, bytes('hello'))
    expect(text((await alice.found('message', 'connected')).body)).toBe('hello')
  })

  it('to allow twice changes nothing', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const { connection: a, link } = await alice.agent.createInvitation()
    await expect(alice.agent.allow(a, bytes('alice'))).rejects.toEqual(code('PROHIBITED'))
    await bob.agent.join(link, joiner)
    await alice.taken('confirmation')
    await Promise.all([alice.agent.allow(a, bytes('one')), alice.agent.allow(a, bytes('two'))])
    await alice.agent.allow(a, bytes('three'))
    await bob.taken('info')
    await bob.taken('connected')
    await alice.taken('connected')
    await alice.agent.allow(a, bytes('four'))
    await alice.agent.send(a, bytes('hello'))
    expect(await bob.messages(1)).toEqual(['hello'])
  })

  it('an address takes several requests; each is accepted or rejected for itself', async () => {
    const [owner, one, two] = [await users.create(), await users.create(), await users.create()]
    const { connection: address, link } = await owner.agent.createAddress()
    await one.agent.join(link, { info: bytes('one') })
    const first = await owner.taken('request')
    expect(first).toMatchObject({ connection: address, pqSupport: true })
    const other = await two.agent.join(link, { info: bytes('two') })
    const second = await owner.taken('request')
    expect([text(first.info), text(second.info)]).toEqual(['one', 'two'])
    await owner.agent.reject(first.requestId)
    await owner.agent.reject(first.requestId)
    await expect(owner.agent.accept(first.requestId, { info: bytes('o') })).rejects.toEqual(code('PROHIBITED'))
    const accepted = await owner.agent.accept(second.requestId, { info: bytes('owner') })
    await expect(owner.agent.reject(second.requestId)).rejects.toEqual(code('PROHIBITED'))
    expect(await owner.agent.accept(second.requestId, { info: bytes('owner') })).toBe(accepted)
    await two.taken('confirmation')
    await two.agent.allow(other, bytes('two'))
    await owner.taken('info')
    await owner.taken('connected')
    await two.taken('connected')
    await owner.agent.send(accepted, bytes('welcome'))
    expect(await two.messages(1)).toEqual(['welcome'])
  })

  it('a request that comes again is one event, and after it was accepted it is answered again', async () => {
    const lossy = new Lossy()
    const [owner, guest] = [await users.create(), await users.create({ route: lossy.route })]
    const { link } = await owner.agent.createAddress()
    lossy.losing = true
    const connection = await guest.agent.join(link, { info: bytes('guest') })
    const { requestId } = await owner.taken('request')
    await expect.poll(() => lossy.lost, { timeout: 20_000 }).toBeGreaterThan(2)
    const accepted = await owner.agent.accept(requestId, { info: bytes('owner') })
    const confirmation = await guest.taken('confirmation')
    expect(text(confirmation.info)).toBe('owner')
    lossy.losing = false
    await guest.agent.allow(connection, bytes('guest'))
    // All events: no second request, no second confirmation.
    await owner.taken('info')
    await owner.taken('connected')
    await guest.taken('connected')
    await guest.agent.send(connection, bytes('hello'))
    expect(text((await owner.taken('message')).body)).toBe('hello')
    await owner.agent.send(accepted, bytes('hi'))
    expect(await guest.messages(1)).toEqual(['hi'])
  })

  it('a restart at any step goes on where it was', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const { connection: a, link } = await alice.agent.createInvitation()
    await alice.restart()
    const b = await bob.agent.join(link, joiner)
    await bob.restart()
    await alice.take('confirmation')
    await alice.restart()
    expect(await alice.taken('confirmation')).toMatchObject({ redelivered: true })
    await alice.agent.allow(a, bytes('alice'))
    await alice.restart()
    await bob.taken('info')
    await bob.restart()
    await bob.taken('connected')
    await alice.taken('connected')
    await Promise.all([alice.restart(), bob.restart()])
    await alice.agent.send(a, bytes('hello'))
    await bob.agent.send(b, bytes('hi'))
    expect(await bob.messages(1)).toEqual(['hello'])
    expect(await alice.messages(1)).toEqual(['hi'])
  })
})
