// Spec 23 §8: a phone that sleeps, over real sockets.
import { openMemoryStore } from '@smpkit/agent-store'
import type { NotificationData } from '@smpkit/push-providers'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { beforeAll, expect, it } from 'vitest'
import { Person, Phone, TestService, untilReady } from './testing/service.js'
import { wakeUp } from './wake-up.js'

let smp: SmpServer
beforeAll(async () => {
  smp = await startSmpServer({ notificationTick: 20 })
  return () => smp.stop()
})

/** A phone with two connections whose program has ended, and the pushes that came since. */
async function sleeping() {
  const service = await new TestService(smp).start()
  const store = openMemoryStore()
  const [phone, friend] = [await Phone.open(smp, { store }), await Person.open(smp)]
  const [first, second] = [await phone.meet(friend), await phone.meet(friend)]
  await untilReady(await phone.openClient(service), 2)
  await phone.stop()
  const pushes: NotificationData[] = []
  service.route('a phone', (data) => pushes.push(data))
  const push = async (): Promise<NotificationData> => {
    await friend.until(() => pushes.length > 0)
    return pushes.shift() as NotificationData
  }
  const woken = await Phone.open(smp, { store, subscribe: false })
  const wake = (notificationData: unknown) => wakeUp({ agent: woken.agent, state: phone.state, notificationData })
  return { service, store, phone, woken, first, second, push, wake }
}

it('fetches what a push tells of, without a client', async () => {
  const { woken, first, push, wake } = await sleeping()
  await first.say('hello')
  expect(await wake(await push())).toEqual({
    kind: 'message',
    results: [{ connection: first.connection, messages: 1, outcome: 'empty' }],
    needsClient: false,
  })
  expect(woken.messages).toEqual(['hello'])
})

it('looks at all queues where it is told to check', async () => {
  const { woken, first, second, wake } = await sleeping()
  await second.say('one')
  await first.say('two')
  const fetched = []
  while (woken.messages.length < 2) fetched.push(await wake({ checkMessages: 'true' }))
  expect(woken.messages.sort()).toEqual(['one', 'two'])
  expect(fetched[0]).toMatchObject({ kind: 'check', needsClient: true })
  const connections = fetched[0]?.results.map(({ connection }) => connection)
  expect(connections?.sort()).toEqual([first.connection, second.connection].sort())
})

it('keeps a verification push for the next client, which sends the code back', async () => {
  const { service, phone, store, woken, push, wake } = await sleeping()
  const [token] = await service.tokens()
  if (!token) throw new Error('expected a token')
  const { id, owner } = token
  await service.server.tokens.replace({ id, owner, provider: 'console', token: 'a phone' })
  expect(await wake(await push())).toEqual({ kind: 'verification', results: [], needsClient: true })
  await woken.stop()
  const again = await Phone.open(smp, { store })
  again.state = phone.state
  await untilReady(await again.openClient(service), 2)
  expect(await service.tokens()).toMatchObject([{ status: 'active' }])
})
