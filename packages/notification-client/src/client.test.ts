// Spec 30 §5–§6 over real sockets: agents, an SMP server, a notification server behind its contact address.
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type NotificationClient, openNotificationClient } from './client.js'
import { memoryState } from './state.js'
import { ScriptedNtf } from './testing/ntf.js'
import { Person, Phone, TestService, untilReady, untilStatus } from './testing/service.js'

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

const untilPushed = (phone: Phone, kinds: readonly string[], token = 'a phone') =>
  phone.until(() => service.kinds(token).join() === kinds.join())

describe('a notification client', () => {
  it('registers the device, verifies it, subscribes all connections, and new ones', async () => {
    const { phone, friend, client, peers } = await ready()
    expect(service.kinds('a phone')).toEqual(['verification'])
    await peers[0]?.say('one')
    await untilPushed(phone, ['verification', 'message'])
    const second = await phone.meet(friend)
    await untilReady(client, 2)
    await second.say('two')
    await untilPushed(phone, ['verification', 'message', 'message'])
  })

  it('keeps its own events from the application, and asks for no notifications of its connection', async () => {
    const { phone, friend } = await ready()
    expect(new Set(phone.events.map(({ connection }) => connection)).size).toBe(1)
    const own = (await phone.infos()).find(({ userId }) => userId !== '')
    expect(own).toMatchObject({ notifications: false, canSend: true })
    expect(friend.messages).toEqual([])
    expect(phone.messages).toEqual([])
  })

  it('tells the server of deleted connections, and of such that want no notifications any more', async () => {
    const { phone, client, peers } = await ready({ connections: 3 })
    await phone.agent.deleteConnection(peers[0]?.connection ?? '')
    await untilReady(client, 2)
    await phone.agent.setNotifications(peers[1]?.connection ?? '', false)
    await untilReady(client, 1)
    await phone.until(async () => (await service.subscriptions()).length === 1)
  })

  it('waits for a device, and tells what the server offers', async () => {
    const phone = await Phone.open(smp)
    const client = await openNotificationClient({ agent: phone.agent, server: service.address, state: phone.state })
    phone.client = client
    expect(await client.info()).toMatchObject({ service: 'ntf', providers: [{ name: 'console' }] })
    await untilStatus(client, ({ phase }) => phase === 'noDevice')
    await client.setDevice({ provider: 'fcm', token: 'x' })
    const { problem } = await untilStatus(client, (status) => status.problem !== null)
    expect(problem).toMatchObject({ code: 'DEVICE', temporary: false })
    await client.close()
    await expect(client.setDevice({ provider: 'console', token: 'x' })).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(client.info()).resolves.toBeDefined()
  })

  it('is told by a wrong push that it is none', async () => {
    const { client } = await ready()
    const nonce = Buffer.alloc(24).toString('base64url')
    const wrong = [{ nonce, message: Buffer.alloc(100).toString('base64url') }, {}, null, { nonce, verification: '' }]
    for (const one of wrong) await expect(client.received(one)).rejects.toMatchObject({ code: 'PUSH' })
    expect(client.status.phase).toBe('ready')
  })

  it('leaves a contact link for a server of ntf://, and comes back', async () => {
    const { phone, client, peers } = await ready({ connections: 2 })
    await client.close()
    const ntf = new ScriptedNtf()
    const { agent, state } = phone
    const device = { provider: 'apns_test', token: 'ab'.repeat(32) }
    const other = await openNotificationClient({ agent, state, server: ntf.address, ntf: ntf.ntf, device })
    phone.client = other
    ntf.devices.set(device.token, (data) => void other.received(data).catch(() => {}))
    await untilReady(other, 2)
    expect(ntf.token.status).toBe('ACTIVE')
    expect(ntf.subscriptions.size).toBe(2)
    await phone.until(async () => (await service.tokens()).length === 0)
    await phone.until(async () => (await phone.infos()).length === 2)
    await other.close()
    const again = await phone.openClient(service, { ntf: ntf.ntf })
    await untilReady(again, 2)
    await phone.until(() => ntf.tokens.size === 0)
    expect(await service.tokens()).toMatchObject([{ status: 'active', periodMinutes: 0 }])
    await peers[0]?.say('hello')
    await phone.until(() => service.kinds('a phone').at(-1) === 'message')
  })

  it('has periodic pushes alone when that is its mode, and no notifiers then', async () => {
    const { phone, client } = await ready({ connections: 2 })
    await client.setMode('periodic')
    await untilReady(client, 0)
    expect(await service.tokens()).toMatchObject([{ status: 'active', periodMinutes: 20 }])
    expect(await service.subscriptions()).toEqual([])
    await phone.until(async () => (await phone.infos()).every(({ notifications }) => !notifications))
    await client.setMode('instant')
    await untilReady(client, 2)
    expect(await service.tokens()).toMatchObject([{ periodMinutes: 0 }])
  })

  it('refuses addresses that are no contact link of a notification server', async () => {
    const phone = await Phone.open(smp)
    const { link } = await phone.agent.createInvitation()
    const open = (server: string): Promise<NotificationClient> =>
      openNotificationClient({ agent: phone.agent, server, state: memoryState() })
    const ntf = ['ntf://', 'ntf://abc@', 'ntf://AAAA:password@ntf.example.org', 'smp://AAAA@ntf.example.org']
    for (const server of ['', 'https://example.org', link, ...ntf]) {
      await expect(open(server)).rejects.toMatchObject({ name: 'NotificationClientError', code: 'ADDRESS' })
    }
  })
})
