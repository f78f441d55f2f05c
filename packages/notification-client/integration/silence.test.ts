// Spec 30 §3: a notification server that does not answer holds nothing up, and gets the same requests until it does.
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { beforeAll, describe, expect, it } from 'vitest'
import { fastClock, Person, Phone, TestService, untilReady, untilStatus } from '../src/testing/service.js'

let smp: SmpServer
beforeAll(async () => {
  smp = await startSmpServer({ notificationTick: 20 })
  return () => smp.stop()
})

/** A client that has something to tell to a server which has ended. */
async function waiting() {
  const service = await new TestService(smp).start()
  const [phone, friend] = [await Phone.open(smp), await Person.open(smp)]
  await phone.meet(friend)
  // A request has half a second.
  const client = await phone.openClient(service, { ...fastClock, timeout: 50_000 })
  await untilReady(client, 1)
  await service.stop()
  const second = await phone.meet(friend)
  const { problem } = await untilStatus(client, (status) => status.problem !== null)
  expect(problem).toMatchObject({ code: 'NETWORK', temporary: true })
  return { service, phone, client, second }
}

describe('while the notification server is silent', () => {
  it('requests are repeated, with one effect', async () => {
    const { service, phone, client, second } = await waiting()
    await service.start()
    await untilReady(client, 2)
    expect(client.status.problem).toBeNull()
    expect(await service.subscriptions()).toHaveLength(2)
    expect(await service.tokens()).toHaveLength(1)
    await second.say('hello')
    await phone.until(() => service.kinds('a phone').includes('message'))
  })

  it('the application gets its messages, and a new device is taken', async () => {
    const { service, phone, client, second } = await waiting()
    await second.say('hello')
    await phone.until(() => phone.messages.includes('hello'))
    await client.setDevice({ provider: 'console', token: 'new' })
    service.route('new', (data) => void client.received(data))
    await service.start()
    await phone.until(async () => (await service.tokens())[0]?.deviceToken === 'new' && client.status.phase === 'ready')
  })

  it('the client can be closed', async () => {
    const { phone, client } = await waiting()
    await client.close()
    expect(client.status.phase).toBe('off')
    expect(await phone.state.get('device')).toMatchObject({ isActive: true })
  })

  it('it can be switched off: the server forgets us when it is back', async () => {
    const { service, phone, client } = await waiting()
    await client.unregister()
    expect(client.status.phase).toBe('off')
    await service.start()
    await phone.until(async () => (await service.tokens()).length === 0)
    await phone.until(async () => (await service.subscriptions()).length === 0)
    await phone.until(async () => (await phone.infos()).every(({ userId }) => userId === ''))
  })
})
