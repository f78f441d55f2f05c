// Spec 24 §2 (A18, A20b, A21), §1 (D3–D6): servers that go away and come back.
import { describe, expect, it } from 'vitest'
import { useNtf } from './support/ntf.js'
import { openPerson, Phone, ready, talk } from './support/phone.js'
import { embeddedSmp, useSmp } from './support/smp.js'
import { subscriptionsOf, Witness } from './support/witness.js'

const smp = useSmp()
const target = useNtf()

describe('after a restart', () => {
  it('A18 a restarted notification server goes on, and tells of what came meanwhile', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'restarts')
    const { phone, peers } = await talk(ntf, smp.first)
    await peers[0]?.say('one')
    await phone.untilPushed('message', 1)
    await embedded.restart()
    await peers[0]?.say('two')
    await phone.untilPushed('message', 2)

    await embedded.stop()
    await peers[0]?.say('three')
    await phone.until(() => phone.messages.includes('three'))
    expect(phone.count('message')).toBe(2)
    await embedded.start()
    await phone.untilPushed('message', 3)
    expect(await phone.told()).toBe(peers[0]?.connection)
  })

  it('A18 the push of a message that came while the notification server was off comes when both servers were restarted', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'restarts')
    const own = await embeddedSmp()
    const { phone, friend, peers } = await talk(ntf, own)
    await peers[0]?.say('one')
    await phone.untilPushed('message', 1)
    await embedded.stop()
    await peers[0]?.say('two')
    await phone.until(() => phone.messages.includes('two'))
    await own.stop()
    await own.start()
    await embedded.start()
    await phone.untilPushed('message', 2)
    await peers[0]?.say('three')
    await phone.untilPushed('message', 3)
    expect(friend.events.filter(({ type }) => type === 'notSent')).toEqual([])
  })

  it('A20b pushes go on after a restart of the SMP server', async () => {
    const own = await embeddedSmp()
    const { phone, peers } = await talk(await target.one(), own)
    await peers[0]?.say('one')
    await phone.untilPushed('message', 1)
    await own.stop()
    await own.start()
    await peers[0]?.say('two')
    await phone.untilPushed('message', 2)
    expect(await phone.told()).toBe(peers[0]?.connection)
  })

  it('D3 a connection that was subscribed while its SMP server was away pushes when that is back', async () => {
    const own = await embeddedSmp()
    const ntf = await target.one()
    const [phone, friend] = [await Phone.buy(ntf, { smp: own }), await openPerson(own)]
    const { connection, say } = await phone.meet(friend)
    await phone.until(async () => (await phone.agent.notifiers(connection)).length === 1)
    await own.stop()
    await phone.openReady(1)
    const witness = await Witness.of(phone)
    const [id = ''] = await subscriptionsOf(phone)
    expect(await witness.subscription(id)).not.toBe('ACTIVE')
    await own.start()
    await say('hello')
    await phone.untilPushed('message', 1)
    expect(await phone.told()).toBe(connection)
    expect(await witness.subscription(id)).toBe('ACTIVE')
  })

  it('A21 all of 50 connections over 2 SMP servers push after a restart of both', async () => {
    const servers = [await embeddedSmp(), await embeddedSmp()]
    const { phone, client, friend } = await talk(await target.one(), servers, { connections: 0 })
    const peers = await Promise.all(Array.from({ length: 50 }, () => phone.meet(friend)))
    await ready(client, peers.length)
    for (const server of servers) await server.stop()
    for (const server of servers) await server.start()
    await Promise.all(peers.map(({ say }) => say('hello')))
    await phone.until(() => phone.messages.length === peers.length)
    const told = new Map<unknown, string>()
    await phone.until(async () => {
      for (const push of phone.pushes.filter((data) => 'message' in data)) {
        for (const { connection, outcome } of (await phone.woken(push)).results) told.set(connection, outcome)
      }
      return told.size === peers.length
    })
    expect(told).toEqual(new Map(peers.map(({ connection }) => [connection, 'subscribed'])))
    const notifiers = (await Promise.all(peers.map(({ connection }) => phone.agent.notifiers(connection)))).flat()
    expect(new Set(notifiers.map(({ server }) => server.port)).size).toBe(2)
  })
})
