// Spec 24 §3: weaknesses of the reference that ours has not, those of the way to SMP servers, over real connections.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { toBase64url } from '@smpkit/encoding'
import { type Connect, openSession, subscribeService } from '@smpkit/smp-client'
import { parseBlock, receiveCommand, type ServerSession } from '@smpkit/smp-commands'
import { parseServerAddress, serverAddressToText } from '@smpkit/smp-commands/address'
import { type SmpServer, startSmpServer } from '@smpkit/smp-server'
import { expect, onTestFinished, test } from 'vitest'
import { guardedConnect } from './guarded-connect.js'
import { memoryStore } from './memory-store.js'
import { createNotificationServer, type NotificationServer, type NotificationServerOptions } from './server.js'
import { Servers } from './servers.js'
import type { NotificationStore } from './store.js'
import { FakeProvider } from './testing/fakes.js'
import { ManualClock, settled } from './testing/manual-clock.js'
import { newQueue } from './testing/queue.js'
import { address, Device, Queue, withQueues } from './testing/setup.js'

const owner = 'owner'
const local = guardedConnect({ allow: ['127.0.0.0/8', '::1'] })

/** What was sent, session by session. */
function recorded() {
  const sessions: string[][] = []
  const connect: Connect = async (server, options) => {
    const connection = await local(server, options)
    const tags: string[] = []
    sessions.push(tags)
    const session = connection.session as unknown as ServerSession
    const { send } = connection
    connection.send = (content) => {
      for (const bytes of parseBlock(content)) {
        const received = receiveCommand(session, bytes)
        if ('command' in received) tags.push(received.command.tag)
      }
      return send.call(connection, content)
    }
    return connection
  }
  const of = (session: number) => {
    const [nsubs, nsub] = ['NSUBS', 'NSUB'].map((tag) => sessions.at(session)?.filter((sent) => sent === tag).length)
    return { nsubs, nsub }
  }
  return { sessions, connect, of }
}

const eventually = <T>(what: () => T) => expect.poll(what, { timeout: 10_000 })

async function startSmp(options: Parameters<typeof startSmpServer>[0] = {}): Promise<SmpServer> {
  const smp = await startSmpServer({ notificationTick: 20, endDelay: 20, ...options })
  onTestFinished(() => smp[Symbol.asyncDispose]())
  return smp
}

async function restart(
  smp: SmpServer,
  between: (smp: SmpServer) => Promise<void> = async () => {},
): Promise<SmpServer> {
  const elsewhere = await startSmp({ state: await smp.stop() })
  await between(elsewhere)
  return startSmp({ state: await elsewhere.stop(), port: Number(smp.address.port) })
}

async function start(options: Partial<NotificationServerOptions> & { connect?: Connect } = {}) {
  const { connect = local, store = memoryStore(), ...others } = options
  const provider = new FakeProvider()
  const server = await createNotificationServer({
    smp: { connect, reconnect: { firstDelay: 20, maxDelay: 100 } },
    store,
    providers: [provider],
    limits: { checkSpread: 0, checkInterval: 0 },
    ...others,
  })
  onTestFinished(() => server.close())
  const device = new Device(owner)
  return { server, provider, store, device, setup: { server, provider } }
}

/** Queues of one SMP server, subscribed by one active device. */
async function subscribed(count: number, smp: SmpServer, options: Parameters<typeof start>[0] = {}) {
  const started = await start(options)
  const { server, device, setup, provider } = started
  await device.register({ server } as never)
  await eventually(() => provider.pushes.length).toBe(1)
  await device.verify(setup as never)
  const queues = await Promise.all(Array.from({ length: count }, () => newQueue(smp)))
  const ids: string[] = []
  for (const { notifierId, notifierKey } of queues) {
    const given = { owner, server: smp.address, notifierId, notifierKey, token: device.id }
    const added = await server.subscriptions.add(given)
    expect(added.status).toBe('active')
    ids.push(added.id)
  }
  return { ...started, queues, ids }
}

type Subscribed = Awaited<ReturnType<typeof subscribed>>

const statuses = async (server: NotificationServer) =>
  (await server.subscriptions.list({ owner, limit: 100 })).items.map(({ status }) => status)

/** Sends to a queue, which may have moved with its server, and waits for the push that names it. */
async function expectPush(
  { device }: Pick<Subscribed, 'device'>,
  provider: FakeProvider,
  smp: SmpServer,
  { senderId, notifierId }: Subscribed['queues'][number],
) {
  const session = await openSession(smp.address)
  const command = { tag: 'SEND', notification: true, body: new TextEncoder().encode('hello') } as const
  await session.request({ command, entityId: senderId })
  await session.close()
  const named = () =>
    device
      .open(provider.pushes)
      .flatMap((push) => (push.kind === 'message' ? push.items.map((item) => toBase64url(item.notifierId)) : []))
  await eventually(named).toContain(toBase64url(notifierId))
}

async function serverRow(store: NotificationStore, { address }: SmpServer) {
  const { servers } = await store.read({ servers: { key: [toBase64url(address.keyHash)] } })
  return servers[0]
}

/** A session of the very same service, as a process that should be dead has one. */
async function openRival(store: NotificationStore, smp: SmpServer) {
  const row = await serverRow(store, smp)
  const privateKey = PrivateKey.fromDer(row?.serviceKey ?? new Uint8Array())
  if (!row?.serviceCertificate || !privateKey.is('ed25519')) throw new Error('expected a service')
  const service = { role: 'notifier', certChain: [row.serviceCertificate], privateKey } as const
  const rival = await openSession(smp.address, { service })
  onTestFinished(() => rival.close())
  await subscribeService(rival, { count: 0n, idsHash: new Uint8Array(16) })
}

test('W6: a service whose queues another connection took takes them back, and the devices are told to look', async () => {
  const smp = await startSmp()
  const all = await subscribed(3, smp)
  await openRival(all.store, smp)
  await eventually(() => all.device.queues(all.provider.pushes)).toContain('check')
  for (const queue of all.queues) await expectPush(all, all.provider, smp, queue)
  expect(await statuses(all.server)).toEqual(['active', 'active', 'active'])
})

test('W6: when the server counts other queues to the service than we do, each is asked for', async () => {
  const smp = await startSmp()
  const { connect, of } = recorded()
  const all = await subscribed(3, smp, { connect })
  const [lost] = all.queues as [Subscribed['queues'][number]]
  await restart(smp, async (elsewhere) => {
    const session = await openSession(elsewhere.address)
    await session.request({ command: { tag: 'NSUB' }, entityId: lost.notifierId, key: lost.notifierKey })
    await session.close()
  })
  await eventually(() => of(-1)).toEqual({ nsubs: 2, nsub: 3 })
})

test('W7: what fell back to single subscriptions is only what was alive', async () => {
  const smp = await startSmp()
  const { connect, of } = recorded()
  const all = await subscribed(3, smp, { connect })
  const rival = await openSession(smp.address)
  onTestFinished(() => rival.close())
  const [taken] = all.queues as [Subscribed['queues'][number]]
  await rival.request({ command: { tag: 'NSUB' }, entityId: taken.notifierId, key: taken.notifierKey })
  await eventually(() => statuses(all.server)).toContain('ended')
  await openRival(all.store, smp)
  await eventually(() => of(-1)).toEqual({ nsubs: 0, nsub: 5 })
  expect((await statuses(all.server)).sort()).toEqual(['active', 'active', 'ended'])
})

test('W8: a server that does not want the service gets the queues without it', async () => {
  const smp = await startSmp({ maxServices: 0 })
  const { connect, sessions } = recorded()
  const all = await subscribed(2, smp, { connect })
  expect(sessions).toHaveLength(1)
  expect(await all.server.status()).toMatchObject({ servers: [{ up: true, byService: false }] })
  await expectPush(all, all.provider, smp, all.queues[1] as Subscribed['queues'][number])
})

test('W8: so does one that knew the service before', async () => {
  const smp = await startSmp()
  const all = await subscribed(2, smp)
  expect(await all.server.status()).toMatchObject({ servers: [{ byService: true }] })
  const { port } = smp.address
  await startSmp({ state: await smp.stop(), port: Number(port), versionRange: { min: 14, max: 15 } })
  await eventually(async () => (await all.server.status()).servers[0]).toMatchObject({ up: true, byService: false })
  await eventually(() => statuses(all.server)).toEqual(['active', 'active'])
  await expect
    .poll(async () => (await all.store.read({ subscriptions: { id: all.ids } })).subscriptions)
    .toMatchObject([{ byService: false }, { byService: false }])
})

test('W16: after a restart on either side one command subscribes all queues', async () => {
  const smp = await startSmp()
  const store = memoryStore()
  const { connect, of, sessions } = recorded()
  const before = await subscribed(40, smp, { connect, store })
  expect(of(-1)).toEqual({ nsubs: 0, nsub: 40 })
  const again = await restart(smp)
  await eventually(() => of(-1)).toEqual({ nsubs: 1, nsub: 0 })
  await expectPush(before, before.provider, again, before.queues[7] as Subscribed['queues'][number])
  await before.server.close()
  const count = sessions.length
  const after = await start({ connect, store })
  await expectPush(before, after.provider, again, before.queues[8] as Subscribed['queues'][number])
  expect(of(-1)).toEqual({ nsubs: 1, nsub: 0 })
  expect(sessions).toHaveLength(count + 1)
  expect(again.statistics().services).toBe(1)
})

test('W16: it can be switched off', async () => {
  const smp = await startSmp()
  const { store } = await subscribed(1, smp, { serviceCertificates: false })
  expect(await serverRow(store, smp)).toMatchObject({ serviceKey: null, serviceId: null })
  expect(smp.statistics().services).toBe(0)
})

test('W18: a server is its key hash: two spellings of its host are one session, and one service', async () => {
  const smp = await startSmp()
  const { connect, sessions } = recorded()
  const all = await subscribed(1, smp, { connect })
  const other = { ...smp.address, hosts: [{ type: 'domain', text: 'localhost' } as const] }
  const queue = await newQueue(smp)
  const { notifierId, notifierKey } = queue
  const given = { owner, server: other, notifierId, notifierKey, token: all.device.id }
  expect(await all.server.subscriptions.add(given)).toMatchObject({ status: 'active' })
  expect(sessions).toHaveLength(1)
  expect(smp.statistics().services).toBe(1)
  await expectPush(all, all.provider, smp, queue)
})

test('W18: a server that moved is one session at its new address, and one service', async () => {
  const smp = await startSmp()
  const { connect, of } = recorded()
  const all = await subscribed(2, smp, { connect })
  const queue = await newQueue(smp)
  const moved = await startSmp({ state: await smp.stop() })
  await eventually(async () => (await all.server.status()).servers[0]?.up).toBe(false)
  const { notifierId, notifierKey } = queue
  const given = { owner, server: moved.address, notifierId, notifierKey, token: all.device.id }
  await all.server.subscriptions.add(given)
  await eventually(() => statuses(all.server)).toEqual(['active', 'active', 'active'])
  const { servers } = await all.server.status()
  expect(servers).toMatchObject([{ address: serverAddressToText(moved.address), up: true, byService: true }])
  expect(of(-1)).toMatchObject({ nsubs: 1 })
  await expectPush(all, all.provider, moved, all.queues[0] as Subscribed['queues'][number])
})

test('W22: at the start servers are connected to one after another, and not more than so many at a time', async () => {
  const store = memoryStore()
  const servers = Array.from({ length: 200 }, (_, i) => address(`s${i}.example.com`, i))
  {
    const { setup, device, server } = await withQueues(0, { store, limits: { newServers: 1000 } })
    for (const one of servers) await new Queue(1, one).add(setup, device)
    await server.close()
  }
  const clock = new ManualClock()
  const times = new Map<number, number>()
  let [connecting, most] = [0, 0]
  const connect: Connect = (_, { signal }) => {
    times.set(clock.now(), (times.get(clock.now()) ?? 0) + 1)
    most = Math.max(most, ++connecting)
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => {
        connecting--
        reject(new Error('gave up'))
      })
    })
  }
  const limits = { serversConnecting: 20 }
  const smp = { connect }
  const server = await createNotificationServer({ store, clock, smp, limits, providers: [new FakeProvider()] })
  onTestFinished(() => server.close())
  await clock.advance(0)
  expect(connecting).toBeLessThan(5)
  await clock.advance(2000)
  expect(connecting).toBe(20)
  await clock.advance(20 * 60_000)
  expect(most).toBe(20)
  expect(times.size).toBeGreaterThan(20)
})

test('an address in our own network is not connected to, which is said, and not tried again at once', async () => {
  const smp = await startSmp()
  let times = 0
  const guarded = guardedConnect()
  const connect: Connect = (server, options) => {
    times++
    return guarded(server, options)
  }
  const { server, device } = await start({ connect })
  await device.register({ server } as never)
  const notifierKey = PrivateKey.generate('ed25519')
  const given = { owner, server: smp.address, notifierId: randomBytes(24), notifierKey, token: device.id }
  expect(await server.subscriptions.add(given)).toMatchObject({ status: 'error', reason: 'address refused' })
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(times).toBe(1)
  expect(await server.status()).toMatchObject({ servers: [{ up: false, reason: 'address refused' }] })
})

test('the rows of servers say whether they are up, since when, and why not', async () => {
  const smp = await startSmp()
  const { server, store } = await subscribed(1, smp)
  await eventually(() => serverRow(store, smp)).toMatchObject({ up: true, reason: null })
  await smp.stop()
  await eventually(() => serverRow(store, smp)).toMatchObject({ up: false, reason: 'CLOSED' })
  const since = (await serverRow(store, smp))?.changedAt
  await server.close()
  const later = new Servers({
    store,
    clock: new ManualClock(),
    random: () => 0,
    subscriber: {} as never,
    logger: {} as never,
  })
  await later.restore(true)
  expect(later.list()).toMatchObject([{ up: false, since }])
  await settled()
  expect(parseServerAddress(later.list()[0]?.address ?? '', 'smp').keyHash).toEqual(smp.address.keyHash)
})
