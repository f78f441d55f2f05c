// Spec 30 §5–§6 over real sockets: agents, an SMP server, a notification server behind its contact address.
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { memoryState } from '../src/state.js'
import { fastClock, Person, Phone, TestService, untilReady } from '../src/testing/service.js'

let smp: SmpServer
let service: TestService
beforeAll(async () => {
  smp = await startSmpServer({ notificationTick: 20 })
  return () => smp.stop()
})
beforeEach(async () => {
  service = await new TestService(smp).start()
})

/** A phone with connections, and a client that is ready. */
async function ready({ connections = 1, token = 'a phone' } = {}) {
  const [phone, friend] = [await Phone.open(smp), await Person.open(smp)]
  const peers = []
  for (let i = 0; i < connections; i++) peers.push(await phone.meet(friend))
  const client = await phone.openClient(service, { token })
  await untilReady(client, connections)
  return { phone, friend, client, peers }
}

const check = { checkMessages: true }
const untilPushed = (phone: Phone, kinds: readonly string[], token = 'a phone') =>
  phone.until(() => service.kinds(token).join() === kinds.join())

describe('a notification client', () => {
  it('goes on after a restart as if nothing had been, and finds what has changed meanwhile', async () => {
    const { phone, friend, client } = await ready()
    await client.close()
    phone.client = undefined
    const second = await phone.meet(friend)
    const again = await phone.openClient(service)
    await untilReady(again, 2)
    expect((await phone.infos()).filter(({ userId }) => userId !== '')).toHaveLength(1)
    expect(service.kinds('a phone')).toEqual(['verification'])
    await second.say('hello')
    await untilPushed(phone, ['verification', 'message'])
  })

  it('gives the server subscriptions again that it has lost, and deletes those that we do not know', async () => {
    const { phone, client } = await ready({ connections: 3 })
    const [lost] = await service.subscriptions()
    await service.server.subscriptions.remove({ owner: lost?.owner ?? '', id: lost?.id ?? '' })
    const records = (await phone.state.list()).filter(([key]) => key.startsWith('queue '))
    const [key, record] = records.find(([, value]) => (value as { id: string }).id !== lost?.id) ?? ['', {}]
    await client.close()
    // A subscription of ours that we have forgotten, for a notifier that is another one now.
    await phone.state.put(key, { ...(record as object), id: 'another' })
    const again = await phone.openClient(service)
    await untilReady(again, 3)
    await phone.until(async () => (await service.subscriptions()).length === 3)
    const ids = (await phone.state.list()).flatMap(([, value]) => (value as { id?: string }).id ?? [])
    expect((await service.subscriptions()).map(({ id }) => id).sort()).toEqual(ids.sort())
  })

  it('registers a token anew that the server has deleted, with all subscriptions, when it is told to look', async () => {
    const { phone, client, peers } = await ready({ connections: 2 })
    const [token] = await service.tokens()
    await service.server.tokens.remove({ owner: token?.owner ?? '', id: token?.id ?? '' })
    expect(await client.received(check)).toBe('check')
    await phone.until(async () => (await service.subscriptions()).length === 2 && client.status.phase === 'ready')
    await peers[1]?.say('hello')
    await untilPushed(phone, ['verification', 'verification', 'message'])
  })

  it('makes a new notifier where the subscription has come to an end', async () => {
    const { phone, client, peers } = await ready()
    const [ended] = await service.subscriptions()
    if (!ended) throw new Error('expected a subscription')
    await service.store.atomic({}, () => ({
      changes: { subscriptions: [{ ...ended, status: 'ended' as const }] },
      result: undefined,
    }))
    await client.received(check)
    await phone.until(async () => {
      const [now] = await service.subscriptions()
      return now !== undefined && now.id !== ended.id && now.status === 'active'
    })
    await peers[0]?.say('hello')
    await untilPushed(phone, ['verification', 'message'])
  })

  it('tells of a new push token, and pushes go there', async () => {
    const { phone, client, peers } = await ready()
    service.route('new', (data) => void client.received(data))
    await client.setDevice({ provider: 'console', token: 'new' })
    await phone.until(async () => (await service.tokens())[0]?.deviceToken === 'new' && client.status.phase === 'ready')
    await peers[0]?.say('hello')
    await untilPushed(phone, ['verification', 'message'], 'new')
    expect(await service.tokens()).toHaveLength(1)
  })

  it('joins anew when the server has let it go, and has all again', async () => {
    const { phone, client, peers } = await ready({ connections: 2 })
    await client.close()
    const [token] = await service.tokens()
    await service.drop(token?.owner ?? '')
    const again = await phone.openClient(service, fastClock)
    await phone.until(async () => {
      const [now] = await service.tokens()
      return now !== undefined && now.owner !== token?.owner && again.status.phase === 'ready'
    })
    expect(again.status).toEqual({ phase: 'ready', wanted: 2, subscribed: 2, problem: null })
    await phone.until(async () => (await phone.infos()).filter(({ userId }) => userId !== '').length === 1)
    await peers[0]?.say('hello')
    await phone.until(() => service.kinds('a phone').includes('message'))
  })

  it('takes over what it had before its state was lost', async () => {
    const { phone, client } = await ready({ connections: 2 })
    const [before] = await service.tokens()
    await client.close()
    phone.state = memoryState()
    await untilReady(await phone.openClient(service), 2)
    const [after, ...others] = await service.tokens()
    expect(others).toEqual([])
    expect(after?.owner).not.toBe(before?.owner)
    expect((await service.subscriptions()).every(({ owner }) => owner === after?.owner)).toBe(true)
  })

  it('makes new notifiers where another connection has them', async () => {
    const { phone, client, peers } = await ready({ connections: 2 })
    await client.close()
    phone.state = memoryState()
    const other = await phone.openClient(service, { token: 'another' })
    await untilReady(other, 2)
    await peers[1]?.say('hello')
    await untilPushed(phone, ['verification', 'message'], 'another')
  })

  it('leaves a server for another one', async () => {
    const { phone, client, peers } = await ready()
    await client.close()
    const former = service
    service = await new TestService(smp).start()
    await untilReady(await phone.openClient(service), 1)
    await phone.until(async () => (await former.tokens()).length === 0)
    await peers[0]?.say('hello')
    await untilPushed(phone, ['verification', 'message'])
  })

  it('is switched off: nothing of it is left at the server, in the state and in the agent', async () => {
    const { phone, client } = await ready()
    await client.unregister()
    expect(client.status.phase).toBe('off')
    await phone.until(async () => (await service.tokens()).length === 0)
    const left = await phone.state.list()
    expect(left.map(([key]) => key)).toEqual(['left'])
    await phone.until(async () => (await phone.infos()).length === 1)
  })

  it('has periodic pushes as it is told', async () => {
    const { phone, client } = await ready()
    expect(await service.tokens()).toMatchObject([{ periodMinutes: 0 }])
    await client.close()
    await untilReady(await phone.openClient(service, { periodMinutes: 30 }), 1)
    expect(await service.tokens()).toMatchObject([{ periodMinutes: 30 }])
  })
})
