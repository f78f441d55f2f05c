// Spec 24 §2 (A19), §1 (D14, T6), 23 §5: pushes of messages, periodic pushes alone, and none.
import { describe, expect, it } from 'vitest'
import { useNtf } from './support/ntf.js'
import { checkPush, notifierIds, openPerson, Phone, ready, talk } from './support/phone.js'
import { useSmp } from './support/smp.js'
import { subscriptionsOf, Witness } from './support/witness.js'

const smp = useSmp()
const target = useNtf()

describe('the mode of a client', () => {
  it('A19 changes between instant and periodic, and to none and back', async () => {
    const { phone, client, peers } = await talk(await target.one(), smp.first, { connections: 2 })
    const said = async (text: string) => {
      for (const { say } of peers) await say(text)
      await phone.until(() => phone.messages.filter((message) => message === text).length === peers.length)
    }
    // Of one connection it may be much later than of the other.
    const allTold = (since: number) =>
      phone.until(async () => {
        const pushes = phone.pushes.filter((data) => 'message' in data).slice(since)
        const results = (await Promise.all(pushes.map((push) => phone.woken(push)))).flatMap((woken) => woken.results)
        return peers.every((peer) => results.some(({ connection }) => connection === peer.connection))
      })
    expect(client.mode).toBe('instant')
    await said('one')
    await allTold(0)

    await client.setMode('periodic')
    await ready(client, 0)
    await phone.noPush(() => said('two'))

    await client.setMode('instant')
    await ready(client, 2)
    const before = phone.count('message')
    await said('three')
    await allTold(before)

    const witness = await Witness.of(phone)
    await client.unregister()
    await phone.until(async () => (await witness.token()) === 'ERR AUTH')
    await phone.noPush(() => said('four'))

    const again = await phone.open()
    await ready(again, 2)
    const then = phone.count('message')
    await said('five')
    await phone.untilPushed('message', then + 1)
  })

  it('D14 SMP servers and the notification server know no notifier any more when it is periodic', async () => {
    const { phone, client, peers } = await talk(await target.one(), smp.first, { connections: 2 })
    const witness = await Witness.of(phone)
    const ids = await subscriptionsOf(phone)
    await client.setMode('periodic')
    await ready(client, 0)
    for (const { connection } of peers) expect(await phone.agent.notifiers(connection)).toEqual([])
    expect(await witness.token()).toBe('ACTIVE')
    for (const id of ids) await phone.until(async () => (await witness.subscription(id)) === 'ERR AUTH')
  })

  it('D14 is kept over a restart, with what was on before', async () => {
    const ntf = await target.one()
    const { phone, client, peers } = await talk(ntf, smp.first, { connections: 3 })
    const [muted, ...others] = peers
    await phone.agent.setNotifications(muted?.connection ?? '', false)
    await ready(client, 2)
    await client.setMode('periodic')
    const again = await phone.again()
    const later = await again.openReady(0)
    expect(later.mode).toBe('periodic')
    await later.setMode('instant')
    await ready(later, 2)
    expect(await again.agent.notifiers(muted?.connection ?? '')).toEqual([])
    const before = again.count('message')
    for (const [i, { say, connection }] of others.entries()) {
      await say('hello')
      await again.untilPushed('message', before + i + 1)
      expect(await again.told()).toBe(connection)
    }
  })

  it('D14 reaches a server that was away while it was changed', async () => {
    const ntf = await target.one()
    const { phone, client, peers } = await talk(ntf, smp.first)
    ntf.front.refuse()
    await client.setMode('periodic')
    await phone.until(async () => (await phone.agent.notifiers(peers[0]?.connection ?? '')).length === 0)
    await phone.noPush(async () => {
      await peers[0]?.say('hello')
      await phone.until(() => phone.messages.includes('hello'))
    })
    ntf.front.allow()
    await ready(client, 0)
    await client.setMode('instant')
    await ready(client, 1)
    const before = phone.count('message')
    await peers[0]?.say('hello again')
    await phone.untilPushed('message', before + 1)
  })

  it('A19 none: nothing is pushed any more, also by a server that was not told', async () => {
    const ntf = await target.one()
    const { phone, client, peers } = await talk(ntf, smp.first)
    const witness = await Witness.of(phone)
    expect(await witness.token()).toBe('ACTIVE')
    const before = await notifierIds(phone)
    ntf.front.refuse()
    await client.unregister()
    await phone.until(async () => {
      const ids = await notifierIds(phone)
      return ids.length === 1 && ids[0] !== before[0]
    })
    await phone.noPush(async () => {
      await peers[0]?.say('hello')
      await phone.until(() => phone.messages.includes('hello'))
    })
    ntf.front.allow()
    expect(await witness.token()).toBe('ACTIVE')
  })

  it('D14 is periodic also for connections that come later, which push when it is instant', async () => {
    const ntf = await target.one()
    const { phone, friend, client } = await talk(ntf, smp.first)
    await client.setMode('periodic')
    await ready(client, 0)
    const { connection, say } = await phone.meet(friend)
    await phone.noPush(async () => {
      await say('hello')
      await phone.until(() => phone.messages.includes('hello'))
    })
    await client.setMode('instant')
    await ready(client, 2)
    const before = phone.count('message')
    await say('hello again')
    await phone.untilPushed('message', before + 1)
    expect(await phone.told()).toBe(connection)
  })

  it('can be periodic from the first registration on', async () => {
    const ntf = await target.one()
    const [phone, friend] = [await Phone.buy(ntf, { smp: smp.first }), await openPerson(smp.first)]
    const { say } = await phone.meet(friend)
    const client = await phone.openReady(0, { mode: 'periodic' })
    expect(client.mode).toBe('periodic')
    await phone.noPush(async () => {
      await say('hello')
      await phone.until(() => phone.messages.includes('hello'))
    })
  })
})

describe('periodic pushes', () => {
  it('T6 are asked for every 20 minutes in both modes, and as often as the application wants', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'its database')
    const { phone, client } = await talk(ntf, smp.first)
    expect(await embedded.tokens()).toMatchObject([{ periodMinutes: 20 }])
    await client.setMode('periodic')
    await ready(client, 0)
    expect(await embedded.tokens()).toMatchObject([{ periodMinutes: 20 }])
    for (const periodMinutes of [45, 0, 20]) {
      const again = await phone.again()
      await again.openReady(0, { periodMinutes })
      expect(await embedded.tokens()).toMatchObject([{ periodMinutes }])
      await again.stop()
    }
  })

  it('T6 make the device look: the agent has the message, the client asks the server', async (context) => {
    const ntf = await target.one()
    const embedded = ntf.embedded(context, 'its database')
    const { phone, client, peers } = await talk(ntf, smp.first, { client: { mode: 'periodic' }, connections: 0 })
    expect(peers).toEqual([])
    expect(client.mode).toBe('periodic')
    await embedded.changeTokens({ periodicAt: Date.now(), checkSentAt: null })
    await embedded.restart()
    await phone.untilPushed('check', 1)
    await phone.until(() => phone.handed.includes('check'))
    expect(await client.received(checkPush)).toBe('check')
    await ready(client, 0)
  })
})
