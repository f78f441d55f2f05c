// Spec 30 §6: SMP servers that end, stay away, come back without their data, or move.

import { type SmpServer, type SmpServerOptions, startSmpServer } from '@smpkit/smp-server'
import { expect, onTestFinished, test } from 'vitest'
import { Device, Pushes, quickSmp, startServer, statuses, until, WholeClock } from './support/in-process.js'
import { openRecipient, type Queue } from './support/queues.js'

async function startSmp(options: SmpServerOptions = {}): Promise<SmpServer> {
  const smp = await startSmpServer({ notificationTick: 20, endDelay: 20, ...options })
  onTestFinished(() => smp[Symbol.asyncDispose]())
  return smp
}

async function newQueues(smp: SmpServer, count: number): Promise<Queue[]> {
  const recipient = await openRecipient(smp.address)
  onTestFinished(() => recipient[Symbol.asyncDispose]())
  return Promise.all(Array.from({ length: count }, () => recipient.newQueue()))
}

/** A server with an active device that is subscribed to queues. */
async function subscribed(smp: SmpServer, count: number, options: Parameters<typeof startServer>[1] = {}) {
  const pushes = new Pushes()
  const server = await startServer(pushes, options)
  const device = await new Device(pushes).activate(server)
  const queues = await newQueues(smp, count)
  await Promise.all(queues.map((queue) => device.subscribe(server, smp.address, queue)))
  return { server, device, queues, pushes }
}

const all = async (status: string, server: Parameters<typeof statuses>[0]): Promise<boolean> =>
  (await statuses(server)).every((one) => one === status)

test('a server that restarts again and again: each time all is subscribed, and the device told to check', async () => {
  const first = await startSmp()
  const limits = { checkInterval: 0 }
  const { server, device, queues } = await subscribed(first, 50, { limits })
  const { port } = first
  let smp = first
  for (let restarts = 1; restarts <= 3; restarts++) {
    const state = await smp.stop()
    smp = await startSmp({ port, state })
    await until(() => device.checks >= restarts)
    expect(await all('active', server)).toBe(true)
  }
  await Promise.all(queues.map((queue) => queue.send()))
  await until(() => device.named.size === queues.length)
})

test('messages that came while nobody was connected are pushed afterwards', async () => {
  const smp = await startSmp()
  const { device, queues } = await subscribed(smp, 10)
  for (let i = 0; i < 10; i++) {
    await Promise.all([smp.dropConnections(), ...queues.map((queue) => queue.send().catch(() => {}))])
  }
  await Promise.all(queues.map((queue) => queue.send()))
  await until(() => device.named.size === queues.length)
})

/** Time passes in small steps, and between them what happens on sockets does: a handshake takes less than the time-out for it. */
async function pass(clock: WholeClock, milliseconds: number): Promise<void> {
  const step = milliseconds > 600_000 ? 5000 : 2000
  for (let passed = 0; passed < milliseconds; passed += step) {
    await clock.advance(step)
    await new Promise((resolve) => setTimeout(resolve, 8))
  }
}

async function passUntil(clock: WholeClock, condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pass(clock, 2000)
}

test('a server that is away for ten minutes is tried now and then, and all goes on when it comes back', async () => {
  const clock = new WholeClock()
  const first = await startSmp()
  let attempts = 0
  const counting: typeof quickSmp.connect = (address, options) => {
    attempts++
    return quickSmp.connect(address, options)
  }
  const { server, device, queues } = await subscribed(first, 20, { clock, smp: { connect: counting } })
  const { port } = first
  const state = await first.stop()
  await until(() => all('inactive', server))
  attempts = 0
  await pass(clock, 600_000)
  expect(await all('inactive', server)).toBe(true)
  expect(attempts).toBeGreaterThanOrEqual(5)
  expect(attempts).toBeLessThanOrEqual(40)
  const [away] = (await server.status()).servers
  expect(away).toMatchObject({ up: false, reason: expect.any(String) })
  expect(clock.now() - (away?.since ?? 0)).toBeGreaterThanOrEqual(590_000)

  await startSmp({ port, state })
  await passUntil(clock, () => device.checks === 1)
  expect(await all('active', server)).toBe(true)
  await Promise.all(queues.map((queue) => queue.send()))
  await passUntil(clock, () => device.named.size === queues.length)
})

test('a server that comes back empty: its queues are tried again after 1, 10 and 60 minutes, and the data may come back', async () => {
  const clock = new WholeClock()
  const first = await startSmp()
  const { server, device, queues } = await subscribed(first, 5, { clock, smp: quickSmp })
  const { port, identity } = first
  const kept = await first.stop()
  await until(() => all('inactive', server))

  const asked: number[] = []
  const empty = await startSmp({ port, identity, log: ({ tag }) => void (tag === 'NSUB' && asked.push(clock.now())) })
  await passUntil(clock, () => all('auth', server))
  const firstAsked = asked.length
  await pass(clock, 90_000)
  expect(asked.length).toBe(firstAsked + queues.length)
  await pass(clock, 11 * 60_000)
  expect(asked.length).toBe(firstAsked + 2 * queues.length)

  // New queues of its clients are served beside the lost ones.
  const [fresh] = await newQueues(empty, 1)
  if (!fresh) throw new Error('expected a queue')
  const added = device.subscribe(server, empty.address, fresh)
  await pass(clock, 4000)
  expect(await added).toMatchObject({ status: 'active' })

  await empty.stop()
  await startSmp({ port, state: kept })
  // The next attempt is after an hour; the queue that the server had meanwhile is the one that is lost now.
  await passUntil(
    clock,
    async () => (await statuses(server)).filter((one) => one === 'active').length === queues.length,
  )
  await Promise.all(queues.map((queue) => queue.send()))
  await passUntil(clock, () => device.named.size === queues.length)
  expect(device.named).toEqual(new Set(queues.map(({ key }) => key)))
})

test('a server that moves to another port takes all its subscriptions along when one of them tells', async () => {
  const first = await startSmp()
  const { server, device, queues } = await subscribed(first, 20)
  const state = await first.stop()
  const moved = await startSmp({ state })
  expect(moved.port).not.toBe(first.port)
  await until(() => all('inactive', server))
  const [fresh] = await newQueues(moved, 1)
  if (!fresh) throw new Error('expected a queue')
  await device.subscribe(server, moved.address, fresh)
  await until(() => all('active', server))
  await until(() => device.checks === 1)
  await fresh.send()
  await until(() => device.times(fresh) === 1)
  expect((await server.status()).servers).toMatchObject([{ up: true }])
  expect((await server.status()).servers[0]?.address).toContain(`:${moved.port}`)
  expect(queues.length).toBe((await statuses(server)).length - 1)
})
