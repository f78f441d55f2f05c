// Spec 24 §2 (A15, A22), 23 §8: pushes of messages, and what the device makes of them.
import { describe, expect, it } from 'vitest'
import { useNtf } from './support/ntf.js'
import { checkPush, ready, talk } from './support/phone.js'
import { useSmp } from './support/smp.js'
import { subscriptionsOf, Witness } from './support/witness.js'

const smp = useSmp()
const target = useNtf()

describe('a connection with notifications', () => {
  it('A15 pushes each message, which a sleeping agent fetches and a subscribed one receives', async () => {
    const { phone, client, peers } = await talk(await target.one(), smp.first)
    const [peer] = peers
    await peer?.say('one')
    await phone.untilPushed('message', 1)
    await phone.until(() => phone.handed.length === 2)
    await phone.until(() => phone.handed.length === 2)
    expect(phone.handed).toEqual(['verification', 'message'])
    await phone.until(() => phone.messages.includes('one'))
    // The push leads to the connection; an agent that is subscribed may not fetch.
    expect((await phone.woken()).results).toEqual([
      { connection: peer?.connection, messages: 0, outcome: 'subscribed' },
    ])

    await client.close()
    const asleep = await phone.again({ subscribe: false })
    await peer?.say('two')
    await asleep.untilPushed('message', 2)
    expect(asleep.messages).toEqual([])
    const woken = await asleep.woken()
    expect(woken).toMatchObject({ kind: 'message', needsClient: false })
    expect(woken.results).toEqual([{ connection: peer?.connection, messages: 1, outcome: 'empty' }])
    expect(asleep.messages).toEqual(['two'])

    const awake = await asleep.again({ subscribe: true })
    await awake.openReady(1)
    await peer?.say('three')
    await awake.until(() => awake.messages.length > 0)
    expect(awake.messages).toEqual(['three'])
    await awake.untilPushed('message', 3)
  })

  it('A15 that is muted pushes nothing any more, the others do', async () => {
    const { phone, client, peers } = await talk(await target.one(), smp.first, { connections: 2 })
    const [muted, other] = peers
    await phone.agent.setNotifications(muted?.connection ?? '', false)
    await ready(client, 1)
    await phone.noPush(async () => {
      await muted?.say('unheard')
      await phone.until(() => phone.messages.includes('unheard'))
    })
    await other?.say('heard')
    await phone.untilPushed('message', 1)
    expect(await phone.told()).toBe(other?.connection)
    await phone.agent.setNotifications(muted?.connection ?? '', true)
    await ready(client, 2)
    await muted?.say('heard again')
    await phone.untilPushed('message', 2)
    expect(await phone.told()).toBe(muted?.connection)
  })

  it('pushes nothing for messages that ask for none', async () => {
    const { phone, friend, peers } = await talk(await target.one(), smp.first)
    await peers[0]?.say('one')
    await phone.untilPushed('message', 1)
    const [theirs = ''] = friend.connected
    await phone.noPush(async () => {
      await friend.agent.send(theirs, new TextEncoder().encode('quiet'), { notification: false })
      await phone.until(() => phone.messages.includes('quiet'))
    })
  })

  it('that has come, or was muted, while the client was closed is told when it is open', async () => {
    const { phone, friend, client, peers } = await talk(await target.one(), smp.first, { connections: 2 })
    await client.close()
    await phone.agent.setNotifications(peers[0]?.connection ?? '', false)
    const third = await phone.meet(friend)
    const again = await phone.again()
    await again.openReady(2)
    await again.noPush(() => peers[0]?.say('unheard') ?? Promise.resolve())
    for (const one of [peers[1], third]) {
      const before = again.count('message')
      await one?.say('heard')
      await again.untilPushed('message', before + 1)
      expect(await again.told()).toBe(one?.connection)
    }
  })

  it('that is deleted is forgotten by the server, too', async () => {
    const { phone, client, peers } = await talk(await target.one(), smp.first, { connections: 2 })
    const witness = await Witness.of(phone)
    const before = await subscriptionsOf(phone)
    await phone.agent.deleteConnection(peers[0]?.connection ?? '')
    await ready(client, 1)
    const after = await subscriptionsOf(phone)
    const gone = before.filter((id) => !after.includes(id))
    expect(gone).toHaveLength(1)
    await phone.until(async () => (await witness.subscription(gone[0] ?? '')) === 'ERR AUTH')
  })

  it('A22 a queue that moves to another SMP server takes its notifications along', async (context) => {
    const other = smp.other(context)
    const { phone, client, peers } = await talk(await target.one(), smp.first)
    const [peer] = peers
    const witness = await Witness.of(phone)
    const [before = ''] = await subscriptionsOf(phone)
    for (const [i, server] of [other, smp.first].entries()) {
      await phone.agent.switchQueue(peer?.connection ?? '', { server: server.address })
      const completed = () =>
        phone.events.filter(
          (event) => event.type === 'switch' && event.side === 'receive' && event.phase === 'completed',
        )
      await phone.until(() => completed().length === i + 1)
      await phone.until(async () => {
        const [notifier] = await phone.agent.notifiers(peer?.connection ?? '')
        return notifier !== undefined && server.address.includes(`:${notifier.server.port}`)
      })
      await ready(client, 1)
      await peer?.say(`after ${i}`)
      await phone.untilPushed('message', i + 1)
      expect(await phone.told()).toBe(peer?.connection)
    }
    await phone.until(async () => (await witness.subscription(before)) === 'ERR AUTH')
    expect(await subscriptionsOf(phone)).toHaveLength(1)
  })
})

describe('a sleeping device', () => {
  it('fetches the queues of a push that have news, until each is empty, and leaves the others', async () => {
    const { phone, client, peers } = await talk(await target.one(), smp.first, { connections: 3 })
    await client.close()
    const asleep = await phone.again({ subscribe: false })
    const [first, second, third] = peers
    await first?.say('1 a')
    await first?.say('1 b')
    await asleep.untilPushed('message', 1)
    await second?.say('2')
    await asleep.until(async () => {
      const { results } = await asleep.woken()
      return results.at(-1)?.connection === second?.connection
    })
    expect([...asleep.messages].sort()).toEqual(['1 a', '1 b', '2'])
    const before = asleep.count('message')
    await third?.say('3')
    await asleep.untilPushed('message', before + 1)
    // What the push tells of the others is not newer than what was fetched.
    const { results } = await asleep.woken()
    expect(results.at(-1)).toEqual({ connection: third?.connection, messages: 1, outcome: 'empty' })
    expect(results.slice(0, -1).every(({ outcome, messages }) => outcome === 'known' && messages === 0)).toBe(true)
    expect(asleep.messages.at(-1)).toBe('3')
    // The last item always counts: there may be more than it tells of.
    expect((await asleep.woken()).results.at(-1)).toEqual({
      connection: third?.connection,
      messages: 0,
      outcome: 'empty',
    })
  })

  it('is told that a queue is none of its own any more', async () => {
    const { phone, client, peers } = await talk(await target.one(), smp.first)
    await peers[0]?.say('one')
    await phone.untilPushed('message', 1)
    await client.close()
    await phone.agent.deleteConnection(peers[0]?.connection ?? '')
    await phone.until(() => phone.events.some(({ type }) => type === 'deleted'))
    const asleep = await phone.again({ subscribe: false })
    expect((await asleep.woken()).results).toEqual([{ connection: null, messages: 0, outcome: 'unknown' }])
  })

  it('says of a verification and of a check that a client is needed', async () => {
    const { phone, client } = await talk(await target.one(), smp.first)
    await client.close()
    const asleep = await phone.again({ subscribe: false })
    expect(await asleep.woken(asleep.pushes[0])).toEqual({ kind: 'verification', results: [], needsClient: true })
    expect(await asleep.woken(checkPush)).toMatchObject({ kind: 'check', needsClient: true, results: [{}] })
  })
})
