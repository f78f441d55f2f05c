import { SmpPool } from '@smpkit/smp-client'
import { afterAll, describe, expect, it } from 'vitest'
import type { WakeUpItem } from './index.js'
import { useServer } from './testing/server.js'
import { bytes, connectByInvitation, text, type User, useUsers } from './testing/users.js'

const server = useServer({ notificationTick: 20 })
const users = useUsers(() => ({ servers: [server().addressText] }))

/** Bob, whose messages a notification server is told of, has gone to sleep. */
async function sleeper() {
  const [alice, bob] = [await users.create(), await users.create()]
  const [a, b] = await connectByInvitation(alice, bob)
  await bob.agent.setNotifications(b, true)
  expect(await bob.taken('notifications')).toMatchObject({ connection: b, enabled: true })
  const [notifier] = await bob.agent.notifiers(b)
  if (!notifier) throw new Error('expected credentials for a notification server')
  const pool = new SmpPool()
  afterAll(() => pool.close())
  await pool
    .server(notifier.server)
    .subscribe('notifications', [{ id: notifier.notifierId, key: notifier.notifierKey }])
  await bob.restart({ subscribe: false })
  /** What a push would bring. */
  const item = async (): Promise<WakeUpItem> => {
    for await (const { message } of pool.events) {
      if (message.tag === 'NMSG') return { ...notifier, nonce: message.nonce, encMeta: message.encMeta }
    }
    throw new Error('expected a notification')
  }
  return { alice, bob, a, b, item }
}

async function take(bob: User, count: number): Promise<string[]> {
  const texts: string[] = []
  while (texts.length < count) {
    const message = await bob.take('message')
    texts.push(text(message.body))
    await message.ack()
  }
  return texts
}

describe('an agent that sleeps', () => {
  it('fetches what a push tells of, in order, and keeps no connection', async () => {
    const { alice, bob, a, b, item } = await sleeper()
    for (const word of ['one', 'two', 'three']) await alice.agent.send(a, bytes(word))
    const push = await item()
    const { connections } = server().statistics()
    const [texts, results] = await Promise.all([take(bob, 3), bob.agent.wakeUp([push])])
    expect(texts).toEqual(['one', 'two', 'three'])
    expect(results).toEqual([{ connection: b, messages: 3, outcome: 'empty' }])
    await expect.poll(() => server().statistics().connections).toBe(connections)
    // The last item of a push always counts, others only if they are newer than the last message.
    expect(await bob.agent.wakeUp([push])).toEqual([{ connection: b, messages: 0, outcome: 'empty' }])
    const other = { ...push, notifierId: new Uint8Array(24) }
    expect(await bob.agent.wakeUp([push, other])).toEqual([
      { connection: b, messages: 0, outcome: 'known' },
      { connection: null, messages: 0, outcome: 'unknown' },
    ])
  })

  it('goes on with what was not acknowledged when it is woken again', async () => {
    const { alice, bob, a, b, item } = await sleeper()
    await alice.agent.send(a, bytes('hello'))
    const push = await item()
    expect(await bob.agent.wakeUp([push], { timeBudget: 500 })).toEqual([
      { connection: b, messages: 0, outcome: 'timeBudget' },
    ])
    const first = await bob.take('message')
    await bob.restart()
    const again = await bob.take('message')
    expect(again).toMatchObject({ id: first.id, redelivered: true })
    await again.ack()
  })

  it('counts metadata that it cannot read as news', async () => {
    const { alice, bob, a, item } = await sleeper()
    await alice.agent.send(a, bytes('hello'))
    const push = await item()
    const broken = { ...push, encMeta: new Uint8Array(144) }
    const [texts, results] = await Promise.all([take(bob, 1), bob.agent.wakeUp([broken])])
    expect(texts).toEqual(['hello'])
    expect(results).toMatchObject([{ messages: 1, outcome: 'empty' }])
  })

  it('answers with receipts and messages of its own', async () => {
    const { alice, bob, a, b, item } = await sleeper()
    await alice.agent.send(a, bytes('ping'))
    const push = await item()
    const waking = bob.agent.wakeUp([push])
    const message = await bob.take('message')
    await message.ack({ receipt: true })
    await bob.agent.send(b, bytes('pong'))
    await waking
    const received = [await alice.next(), await alice.next(), await alice.next()]
    expect(received.map(({ type }) => type).sort()).toEqual(['message', 'receipt', 'sent'])
  })
})

describe('an agent that is awake', () => {
  it('does not fetch what comes anyway, and takes its credentials back', async () => {
    const { alice, bob, a, b, item } = await sleeper()
    await alice.agent.send(a, bytes('hello'))
    const push = await item()
    await bob.restart({ subscribe: true })
    expect(await bob.agent.wakeUp([push])).toEqual([{ connection: b, messages: 0, outcome: 'subscribed' }])
    await bob.taken('message')
    await bob.agent.setNotifications(b, false)
    expect(await bob.agent.notifiers(b)).toEqual([])
    expect(await bob.taken('notifications')).toMatchObject({ enabled: false })
    expect(await bob.agent.wakeUp([push])).toMatchObject([{ outcome: 'unknown' }])
  })
})
