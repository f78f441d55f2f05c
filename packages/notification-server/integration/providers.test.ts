// Spec 30 §6: whatever push providers do, each notification reaches them, and none of them delays another.
import { createTestIdentity } from '@smpkit/push-providers/testing'
import { describe, expect, test } from 'vitest'
import { memoryStore } from '../src/memory-store.js'
import { isFull } from './support/databases.js'
import { activeDevices, allPushed, type FarDevice, notify, serve } from './support/far-devices.js'
import { apns, type FarAnswer, type FarEnd, type FarEndOptions, fcm, webhook, webPush } from './support/far-ends.js'
import { until } from './support/in-process.js'

const providers = { apns, fcm, webhook, webPush }
const names = Object.keys(providers) as (keyof typeof providers)[]
const start = async (name: keyof typeof providers, options?: FarEndOptions): Promise<FarEnd> =>
  (await providers[name](options)).end

/** The first so many pushes are answered so, the others are accepted. */
function first(count: number, answer: FarAnswer) {
  let left = count
  return () => (left-- > 0 ? answer : 'accepted')
}

describe.each(names)('%s', (name) => {
  test('that is too busy for a while gets everything in the end, once', async () => {
    const end = await start(name)
    const served = await serve([end])
    const devices = await activeDevices(served, end, 20)
    let refused = 0
    end.answer(() => (refused++ < 60 ? 'busy' : 'accepted'))
    const before = end.count()
    notify(served, devices)
    await until(() => devices.every(({ messages }) => messages > 0))
    await allPushed(served)
    expect(end.count() - before).toBe(60 + devices.length)
    for (const device of devices) expect(device.received().at(-1)).toMatchObject({ kind: 'message', items: [{}] })
    expect(await served.server.deadLetters()).toEqual([])
  })

  test('that does not answer is given up in time, and tried again', async () => {
    const end = await start(name, { timeout: 200 })
    const served = await serve([end])
    const devices = await activeDevices(served, end, 3)
    end.answer(first(5, 'hang'))
    notify(served, devices)
    await until(() => devices.every(({ messages }) => messages > 0))
    await allPushed(served)
    for (const device of devices) expect(await device.status(served)).toMatchObject({ status: 'active' })
  })

  test('that says that a device is gone hears of it no more, until it registers again', async () => {
    const end = await start(name)
    const served = await serve([end])
    const [gone, other] = (await activeDevices(served, end, 2)) as [FarDevice, FarDevice]
    end.answer((device) => (device === gone.name ? 'gone' : 'accepted'))
    notify(served, [gone, other])
    await until(async () => (await gone.status(served)).status === 'invalid')
    const reason = name === 'webPush' ? 'EXPIRED' : 'UNREGISTERED'
    expect((await gone.status(served)).reason).toBe(reason)
    await until(() => other.messages === 1)
    const before = end.count()
    notify(served, [gone, gone, other])
    await until(() => other.messages === 2)
    expect(end.count()).toBe(before + 1)
    expect(await served.server.deadLetters()).toMatchObject([{ reason }])

    end.answer(() => 'accepted')
    await gone.register(served)
    await until(async () => (await gone.status(served)).status === 'confirmed')
    await gone.verify(served)
    await until(() => gone.received().at(-1)?.kind === 'message')
  })

  test('that shows another certificate gets nothing, and nothing is lost', async () => {
    const store = memoryStore()
    const end = await start(name)
    const former = await serve([end], { store })
    const devices = await activeDevices(former, end, 3)
    await former.server.close()

    const before = end.count()
    const wrong = await start(name, { ca: createTestIdentity().ca })
    const provider = { ...wrong.provider, readToken: end.provider.readToken }
    const stranger: FarEnd = { ...wrong, provider }
    const present = await serve([stranger], { store })
    notify(present, devices)
    await until(async () => (await present.server.status()).pushes.owed >= devices.length)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect([end.count(), wrong.count()]).toEqual([before, 0])
    await present.server.close()

    const next = await serve([end], { store })
    await until(() => devices.every(({ messages }) => messages > 0))
    for (const device of devices) expect(await device.status(next)).toMatchObject({ status: 'active' })
  })
})

test('connections that APNs ends one after the other cost no push and double none', async () => {
  const { end, fake } = await apns()
  const served = await serve([end])
  const devices = await activeDevices(served, end, 50)
  fake.goAwayEvery(7)
  for (let round = 1; round <= 4; round++) {
    notify(served, devices)
    await until(() => devices.every(({ messages }) => messages >= round))
    await allPushed(served)
  }
  expect(devices.map(({ messages }) => messages)).toEqual(devices.map(() => 4))
  expect(fake.connections.made).toBeGreaterThan(20)
})

test('connections that break lose no push', async () => {
  const { end, fake } = await apns()
  const served = await serve([end])
  const devices = await activeDevices(served, end, 50)
  let pushes = 0
  fake.answer(() => (++pushes % 20 === 0 ? 'drop' : 'accepted'))
  notify(served, devices)
  await until(() => devices.every(({ messages }) => messages > 0))
  await allPushed(served)
  expect(devices.filter(({ messages }) => messages === 0)).toEqual([])
})

test.each(names)('while %s never answers, 1,000 pushes to another are delivered', async (name) => {
  const silent = await start(name, { timeout: 60_000 })
  const other = await start(name === 'webhook' ? 'webPush' : 'webhook')
  const served = await serve([silent, other])
  const count = isFull ? 1000 : 100
  const [waiting, devices] = await Promise.all([
    activeDevices(served, silent, count),
    activeDevices(served, other, count),
  ])
  silent.answer(() => 'hang')
  const rounds = 1000 / count
  for (let round = 1; round <= rounds; round++) {
    notify(served, [...waiting, ...devices])
    await until(() => devices.every(({ messages }) => messages >= round))
  }
  expect(devices.map(({ messages }) => messages)).toEqual(devices.map(() => rounds))
  expect((await served.server.status()).pushes.owed).toBeGreaterThanOrEqual(waiting.length)
})

test('an APNs that does not even read delays nobody else, and gets everything when it does', async () => {
  const { end, fake } = await apns({ timeout: 300 })
  const { end: other } = await webhook()
  const served = await serve([end, other])
  const waiting = await activeDevices(served, end, 20)
  const devices = await activeDevices(served, other, 20)
  fake.answer('stall')
  notify(served, [...waiting, ...devices])
  await until(() => devices.every(({ messages }) => messages === 1))
  expect(waiting.some((device) => device.messages > 1)).toBe(false)
  fake.answer('accepted')
  await until(() => waiting.every(({ messages }) => messages > 0))
})
