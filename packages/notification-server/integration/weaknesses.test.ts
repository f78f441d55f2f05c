// Spec 24 §3: weaknesses of the reference that are none of ours, in the order of its table; others are tested beside what has them.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { PrivateKey } from '@smpkit/crypto'
import { toBase64url, toHex } from '@smpkit/encoding'
import { consoleProvider } from '@smpkit/push-providers'
import { readMessage } from '@smpkit/service-protocol'
import { startSmpServer } from '@smpkit/smp-server'
import Database from 'better-sqlite3'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { defaultLimits } from '../src/limits.js'
import { memoryStore } from '../src/memory-store.js'
import { openPostgresNotificationStore } from '../src/postgres.js'
import { createNotificationServer } from '../src/server.js'
import { serviceDoor } from '../src/service/door.js'
import { openSqliteNotificationStore } from '../src/sqlite.js'
import { FakeSubscriber, intercepted } from '../src/testing/fakes.js'
import { address, Queue, Device as SetUpDevice, setUp, up, withQueues } from '../src/testing/setup.js'
import { postgresTitle, useFolders, usePostgres, withoutPostgres } from './support/databases.js'
import { FarDevice, serve } from './support/far-devices.js'
import { apns, fcm, webhook, webPush } from './support/far-ends.js'
import { request } from './support/hostile-requests.js'
import { Device, Pushes, startServer, until } from './support/in-process.js'
import { openRecipient } from './support/queues.js'
import { StandInAgent } from './support/stand-in-agent.js'

const minute = 60_000
const day = 24 * 60 * minute
const newFolder = useFolders()
const dhKey = PrivateKey.generate('x25519').publicKey
const repository = path.join(import.meta.dirname, '../../..')

test('W1: periodic pushes start with the first period', async () => {
  const setup = await setUp()
  const device = await new SetUpDevice().activate(setup)
  await setup.server.tokens.setPeriod({ owner: device.owner, id: device.id, minutes: 20 })
  for (let pushes = 0; pushes < 3; pushes++) {
    expect(device.queues(setup.provider.pushes)).toEqual(Array(pushes).fill('check'))
    await setup.clock.advance(20.5 * minute)
  }
})

test('W4: the largest push is within the 4096 bytes that Apple documents', async () => {
  const { end, fake } = await apns()
  const served = await serve([end])
  const device = await new FarDevice(end, 'phone').activate(served)
  const long = address(`${'long-name.'.repeat(60)}example.com`.slice(-200), 9)
  const queues = Array.from({ length: 6 }, (_, i) => new Queue(i + 1, long))
  served.subscriber.emit(up(long))
  for (const { notifierId, notifierKey } of queues) {
    await served.server.subscriptions.add({
      owner: device.name,
      server: long,
      notifierId,
      notifierKey,
      token: device.id,
    })
  }
  served.subscriber.emit(...queues.map((queue) => queue.notification()))
  await until(() => device.received().flatMap((push) => (push.kind === 'message' ? push.items : [])).length === 6)
  const sizes = fake.pushes.map(({ body }) => Buffer.byteLength(body))
  expect(Math.max(...sizes)).toBeLessThanOrEqual(4096)
  expect(Math.max(...sizes)).toBeGreaterThan(3900)
})

describe('W10', () => {
  test('W10: what was not verified expires, and one owner has so many tokens and subscriptions', async () => {
    const setup = await setUp({ limits: { subscriptions: 2, tokens: 2, unverifiedExpiry: 10 * minute } })
    const [one, two] = [
      await new SetUpDevice('owner', 'one').register(setup),
      await new SetUpDevice('owner', 'two').register(setup),
    ]
    await expect(new SetUpDevice('owner', 'three').register(setup)).rejects.toMatchObject({ code: 'LIMIT', max: 2 })
    await new Queue(1).add(setup, one)
    await new Queue(2).add(setup, two)
    await expect(new Queue(3).add(setup, one)).rejects.toMatchObject({ code: 'LIMIT', max: 2 })
    expect(defaultLimits.unverifiedExpiry).toBe(7 * day)
    await setup.clock.advance(11 * minute)
    expect(await setup.server.tokens.get({ owner: 'owner', id: one.id })).toMatchObject({ status: 'expired' })
  })

  test('W10: a provider that is not enabled cannot be asked for', async () => {
    const { server } = await setUp()
    for (const provider of ['apns_test', 'apns_null', 'console']) {
      const adding = server.tokens.add({ owner: 'owner', provider, token: 'ab'.repeat(32), dhKey })
      await expect(adding).rejects.toMatchObject({ code: 'BAD_REQUEST', reason: 'provider' })
    }
  })
})

test('W11: one server pushes through several providers, whose hosts and ids are options', async () => {
  const ends = await Promise.all([apns(), fcm(), webhook(), webPush()])
  const served = await serve(ends.map(({ end }) => end))
  const devices = await Promise.all(ends.map(({ end }) => new FarDevice(end, `${end.name}-phone`).activate(served)))
  served.subscriber.emit(...devices.map(({ queue }) => queue.notification()))
  await until(() => devices.every(({ messages }) => messages === 1))
})

test('W12: what a store says when it fails is told to nobody', async () => {
  const standIn = new StandInAgent()
  const told = `duplicate key: INSERT INTO tokens VALUES (${'secret, '.repeat(5000)})`
  let fails = false
  const logged: unknown[] = []
  const log = (...args: unknown[]) => void logged.push(args)
  const store = intercepted(memoryStore(), async (name, call, [selection]) => {
    if (fails && name === 'atomic' && selection !== undefined && 'tokens' in (selection as object))
      throw new Error(told)
    return call()
  })
  const server = await createNotificationServer({
    subscriber: new FakeSubscriber(),
    store,
    providers: [consoleProvider({ write() {} })],
    doors: [serviceDoor({ agent: standIn.agent, name: 'failing' })],
    logger: { debug: log, info: log, warn: log, error: log },
  })
  onTestFinished(() => server.close())
  await standIn.connect('client')
  fails = true
  const data = { provider: 'console', token: 'phone', dhKey: toBase64url(dhKey.toDer()) }
  await standIn.message('client', request('post', '/ntf/tokens', data), 1n)
  await until(() => (standIn.sent.get('client')?.length ?? 0) > 0)
  const answer = readMessage(standIn.take('client')[0] as Uint8Array)
  expect(answer).toMatchObject({ status: 'error', data: { id: expect.any(String) } })
  expect(JSON.stringify([answer, logged])).not.toMatch(/INSERT|secret/)
})

test('W13: counters are there as it happens, also of queues that nobody knows', async () => {
  const { server, notify, setup } = await withQueues(1)
  const before = server.metrics()
  await notify(1)
  setup.subscriber.emit(new Queue(9).notification())
  await notify()
  const after = server.metrics()
  expect(after.received.known - before.received.known).toBe(1)
  expect(after.received.unknown - before.received.unknown).toBe(1)
  expect(after.events.tokensVerified).toBe(1)
})

describe('W14', () => {
  const key = new Uint8Array(32).fill(7)
  const deviceToken = 'a device token that is a secret'

  test('W14: notifier keys and push tokens are encrypted in the database', async () => {
    const folder = newFolder()
    const file = path.join(folder, 'notifications.db')
    const store = await openSqliteNotificationStore(new Database(file), { key })
    const setup = await setUp({ store })
    const device = await new SetUpDevice('owner', deviceToken).register(setup)
    const queue = new Queue(1)
    await queue.add(setup, device, 0)
    await setup.server.close()
    await store.close()
    const bytes = readFileSync(file).toString('latin1')
    const privateKey = Buffer.from(queue.notifierKey.toDer()).subarray(-32).toString('latin1')
    expect(bytes).toContain(device.id)
    expect([bytes.includes(deviceToken), bytes.includes(privateKey)]).toEqual([false, false])
    expect(bytes.includes(toHex(queue.notifierKey.toDer()).slice(-64))).toBe(false)
  })
})

test('W15: a server is hosted as a container that is not root, or as a hardened service, on either database', () => {
  const read = (...parts: string[]) => readFileSync(path.join(repository, ...parts), 'utf8')
  const dockerfile = read('examples/notification-server/Dockerfile')
  expect(dockerfile).toMatch(/^USER (?!root|0)/m)
  expect(dockerfile).toMatch(/^HEALTHCHECK/m)
  const unit = read('examples/notification-server/smpkit-ntf.service')
  expect(unit).toMatch(/^(DynamicUser=yes|User=(?!root))/m)
  expect(unit).toMatch(/^NoNewPrivileges=yes/m)
  expect(read('docs/operate.md')).toContain('PostgreSQL')
})

describe.skipIf(withoutPostgres)(postgresTitle, () => {
  const newStorage = usePostgres()

  test('W17: a hundred clients that subscribe at once are all served, with as few connections as there can be', async () => {
    const storage = await newStorage()
    if (storage.kind !== 'postgres') throw new Error('expected PostgreSQL')
    const { url, schema } = storage
    const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}`, pipeline: true, max: 1 })
    pool.on('error', () => {})
    onTestFinished(() => pool.end())
    const store = await openPostgresNotificationStore(pool)
    onTestFinished(() => store.close())
    const subscriber = new FakeSubscriber()
    const server = await createNotificationServer({ subscriber, store, providers: [consoleProvider({ write() {} })] })
    onTestFinished(() => server.close())
    const adding = Array.from({ length: 100 }, async (_, i) => {
      const owner = `owner ${i}`
      const token = { provider: 'console', token: owner, dhKey }
      const { notifierId, notifierKey } = new Queue(i)
      return server.subscriptions.add({ owner, server: address(), notifierId, notifierKey, token })
    })
    const added = await Promise.all(adding)
    expect(added.filter(({ created, status }) => !created || status === 'pending')).toEqual([])
  })
})

test('W23: while periodic pushes wait for a provider, the store is free for everything else', async () => {
  const setup = await setUp({ limits: { tokens: 100 } })
  const devices: SetUpDevice[] = []
  for (let i = 0; i < 50; i++) devices.push(await new SetUpDevice(`owner ${i}`).activate(setup))
  for (const { owner, id } of devices) await setup.server.tokens.setPeriod({ owner, id, minutes: 20 })
  setup.provider.hold = true
  await setup.clock.advance(21 * minute)
  expect(setup.provider.inFlight).toBeGreaterThan(0)
  const other = await new SetUpDevice('another').register(setup)
  expect(await setup.server.tokens.get({ owner: 'another', id: other.id })).toMatchObject({ status: 'registered' })
  setup.provider.hold = false
  setup.provider.release()
  await setup.clock.advance(minute)
  for (const device of devices) expect(device.queues(setup.provider.pushes).at(-1)).toBe('check')
})

test('W24: metrics tell what came and is not stored yet, and cost no reading of the store', async () => {
  let calls = 0
  let blocked: Promise<void> | undefined
  const store = intercepted(memoryStore(), async (_, call) => {
    calls++
    await blocked
    return call()
  })
  const smp = await startSmpServer({ notificationTick: 10 })
  onTestFinished(() => smp[Symbol.asyncDispose]())
  const recipient = await openRecipient(smp.address)
  onTestFinished(() => recipient[Symbol.asyncDispose]())
  const pushes = new Pushes()
  const server = await startServer(pushes, { store })
  const device = await new Device(pushes).activate(server)
  const queues = await Promise.all(Array.from({ length: 50 }, () => recipient.newQueue()))
  await Promise.all(queues.map((queue) => device.subscribe(server, smp.address, queue)))
  expect(server.metrics()).toMatchObject({ backlog: 0, tokens: { active: 1 }, subscriptions: { active: 50 } })

  let release = () => {}
  blocked = new Promise((resolve) => {
    release = resolve
  })
  for (let i = 0; i < 10; i++) await Promise.all(queues.map((queue) => queue.send()))
  await until(() => server.metrics().backlog > 100)
  calls = 0
  server.metrics()
  expect(calls).toBe(0)
  blocked = undefined
  release()
  await until(() => server.metrics().backlog === 0)
})
