// Design.md §1: the RFC's seven steps over real sockets, judged by what the SMP server and the push provider have seen.
import { openMemoryStore } from '@smpkit/agent-store'
import { toBase64url, toHex } from '@smpkit/encoding'
import { startWebhookFake } from '@smpkit/push-providers/testing'
import { openAgent, type SmpAgent } from '@smpkit/smp-agent'
import { type LogEntry, type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { expect, onTestFinished, test } from 'vitest'
import { overDatabases } from './support/databases.js'
import { Phone } from './support/phone.js'
import { ServerProcess } from './support/server-process.js'

/** Events of an agent that the test waits for; confirmations are allowed at once. */
function eventsOf(agent: SmpAgent) {
  const seen: { type: string; text: string }[] = []
  const reading = (async () => {
    for await (const event of agent.events()) {
      if (event.type === 'confirmation') await agent.allow(event.connection, new Uint8Array())
      seen.push({ type: event.type, text: event.type === 'message' ? new TextDecoder().decode(event.body) : '' })
      await event.ack()
    }
  })()
  const next = async (type: string) => {
    for (;;) {
      const found = seen.find((one) => one.type === type)
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  return { next, reading }
}

/** A phone with a connection to a friend, over one store: awake it has its queues subscribed, woken it has not. */
async function connectFriend(smp: SmpServer) {
  const store = openMemoryStore()
  const open = (subscribe: boolean) => openAgent({ store, servers: [smp.addressText], subscribe })
  const awake = await open(true)
  const friend = await openAgent({ store: openMemoryStore(), servers: [smp.addressText] })
  onTestFinished(() => friend.close())
  const [mine, theirs] = [eventsOf(awake), eventsOf(friend)]
  const { connection, link } = await awake.createInvitation()
  const back = await friend.join(link, { info: new Uint8Array() })
  await Promise.all([mine.next('connected'), theirs.next('connected')])
  await awake.setNotifications(connection, true)
  await mine.next('notifications')
  const [credentials] = await awake.notifiers(connection)
  if (!credentials) throw new Error('expected a notifier')
  const say = (text: string) => friend.send(back, new TextEncoder().encode(text))
  return { awake, credentials, say, wake: () => open(false) }
}

overDatabases((newStorage) => {
  test('a message wakes a phone, which fetches it', async () => {
    const log: LogEntry[] = []
    const smp = await startSmpServer({ notificationTick: 50, log: (entry) => log.push(entry) })
    onTestFinished(() => smp[Symbol.asyncDispose]())
    const pushes = await startWebhookFake()
    onTestFinished(() => pushes.close())
    const server = new ServerProcess({ storage: await newStorage(), smp: [smp.addressText], ca: pushes.ca })
    onTestFinished(() => server.kill())

    const { awake, credentials, say, wake } = await connectFriend(smp)
    const link = await server.ready
    const phone = await Phone.connect({ name: 'phone', link, smp: smp.addressText, pushes })
    onTestFinished(() => phone.close())
    await phone.register()

    const { notifierId, notifierKey } = credentials
    const subscription = {
      server: smp.addressText,
      notifierId: toBase64url(notifierId),
      notifierKey: toBase64url(notifierKey.toDer()),
      token: { id: phone.token },
    }
    const answer = await phone.client.request('post', '/ntf/subscriptions', subscription)
    expect(answer).toMatchObject({ status: 'created', data: { status: 'active' } })
    await awake.close()
    await say('hello')

    const push = await phone.next(({ kind }) => kind === 'message')
    const items = push.kind === 'message' ? push.items : []
    expect(items.map((item) => toHex(item.notifierId))).toEqual([toHex(notifierId)])
    const woken = await wake()
    onTestFinished(() => woken.close())
    const events = eventsOf(woken)
    expect(await woken.wakeUp(items)).toMatchObject([{ messages: 1, outcome: 'empty' }])
    expect((await events.next('message')).text).toBe('hello')

    const ofNotifier = log.filter(({ entityId }) => toHex(entityId) === toHex(notifierId))
    expect(ofNotifier.map(({ direction, tag }) => `${direction} ${tag}`)).toEqual([
      'received NSUB',
      'sent SOK',
      'sent NMSG',
    ])
    // Messages that made the connections were acknowledged before.
    const ofPhone = log.filter(({ tag }) => ['NKEY', 'NID', 'GET'].includes(tag))
    const lastAck = log.findLast(({ direction, tag }) => direction === 'received' && tag === 'ACK')
    const steps = log.filter((entry) => ofNotifier.includes(entry) || ofPhone.includes(entry) || entry === lastAck)
    expect(steps.map(({ tag }) => tag)).toEqual(['NKEY', 'NID', 'NSUB', 'SOK', 'NMSG', 'GET', 'ACK', 'GET'])
    expect(new Set(ofNotifier.map(({ connection }) => connection)).size).toBe(1)

    expect(pushes.mistakes).toEqual([])
    expect(phone.received().map(({ kind }) => kind)).toEqual(['verification', 'message'])
    await server.close()
    expect(server.errors).toBe('')
  })
})
