import { describe, expect, test } from 'vitest'
import { Device, Queue, setUp } from './testing/setup.js'

const minute = 60_000
const day = 24 * 60 * minute
/** Weeks pass in fewer steps. */
const hourly = { limits: { maintenanceEvery: 60 * minute } }
const refusal = (code: string, reason: string) =>
  expect.objectContaining({ name: 'NotificationServerError', code, reason })

describe('time', () => {
  test('expires an unverified token after 7 days, deletes it 30 days later; registering again revives it', async () => {
    const setup = await setUp(hourly)
    const { server, clock, provider } = setup
    const device = await new Device().register(setup)
    await clock.advance(7 * day - minute)
    expect(await server.tokens.get(device)).toMatchObject({ status: 'confirmed' })
    await clock.advance(61 * minute)
    expect(await server.tokens.get(device)).toMatchObject({ status: 'expired' })
    await expect(server.tokens.verify({ ...device, code: device.code(provider.pushes) })).rejects.toEqual(
      refusal('FORBIDDEN', 'status'),
    )
    await clock.advance(29 * day)
    await device.register(setup)
    expect(await server.tokens.get(device)).toMatchObject({ status: 'confirmed' })
    await clock.advance(39 * day)
    await expect(server.tokens.get(device)).rejects.toEqual(refusal('NOT_FOUND', 'token'))
  })

  test('leaves a code that is pushed again its 7 days', async () => {
    const setup = await setUp(hourly)
    const device = await new Device().register(setup)
    await setup.clock.advance(7 * day - minute)
    await device.register(setup)
    await setup.clock.advance(6 * day)
    await device.verify(setup)
    expect(await setup.server.tokens.get(device)).toMatchObject({ status: 'active' })
  })

  test('expires a verified token 90 days after the last command of its client', async () => {
    const setup = await setUp(hourly)
    const { server, clock } = setup
    const device = await new Device().activate(setup)
    await clock.advance(80 * day)
    await server.tokens.get(device)
    await clock.advance(89 * day)
    const { tokens } = await setup.store.read({ tokens: { id: [device.id] } })
    expect(tokens).toMatchObject([{ status: 'active' }])
    await clock.advance(2 * day)
    expect((await setup.store.read({ tokens: { id: [device.id] } })).tokens).toMatchObject([{ status: 'expired' }])
  })

  test('does not expire a token whose client only registers again', async () => {
    const setup = await setUp(hourly)
    const device = await new Device().activate(setup)
    for (let i = 0; i < 3; i++) {
      await setup.clock.advance(60 * day)
      await device.register(setup)
    }
    expect(await setup.server.tokens.get(device)).toMatchObject({ status: 'active' })
  })

  test('that passed before a token was active is not held against what is owed to it', async () => {
    const setup = await setUp(hourly)
    const device = await new Device().register(setup)
    const code = device.code(setup.provider.pushes)
    const queue = new Queue(1)
    await queue.add(setup, device)
    setup.subscriber.emit(queue.notification())
    await setup.clock.advance(6 * day)
    await device.register(setup)
    await setup.clock.advance(day - minute)
    setup.provider.pushes.length = 0
    setup.provider.outcomes.push({ outcome: 'retry', afterMs: 60 * minute, reason: '503' })
    await setup.server.tokens.verify({
      ...device,
      code,
    })
    await setup.clock.advance(2 * 60 * minute)
    expect(device.queues(setup.provider.pushes)).toEqual(['1', '1'])
    expect(await setup.server.deadLetters()).toEqual([])
  })

  test('brings periodic pushes that really fire, from the first on (W1)', async () => {
    const setup = await setUp()
    const { server, clock, provider } = setup
    const device = await new Device().activate(setup)
    await expect(server.tokens.setPeriod({ ...device, minutes: 19 })).rejects.toEqual(refusal('BAD_REQUEST', 'minutes'))
    await server.tokens.setPeriod({ ...device, minutes: 20 })
    await clock.advance(19 * minute)
    expect(provider.pushes).toHaveLength(0)
    // As clients do at each start.
    await server.tokens.setPeriod({ ...device, minutes: 20 })
    await clock.advance(63 * minute)
    expect(device.queues(provider.pushes)).toEqual(['check', 'check', 'check', 'check'])
    await server.tokens.setPeriod({ ...device, minutes: 0 })
    await clock.advance(100 * minute)
    expect(provider.pushes).toHaveLength(4)
  })
})
