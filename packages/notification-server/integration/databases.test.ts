// Design.md §5, issue texts: what a notification server does while its database is away, full, or taken by another process.
import path from 'node:path'
import { startWebhookFake, type WebhookFake } from '@smpkit/push-providers/testing'
import { type LogEntry, type SmpServer, startSmpServer } from '@smpkit/smp-server'
import Database from 'better-sqlite3'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type PostgresServer, startPostgres, testDatabase } from '../../../scripts/postgres.mjs'
import { openPostgresNotificationStore } from '../src/postgres.js'
import type { NotificationServer } from '../src/server.js'
import { openSqliteNotificationStore } from '../src/sqlite.js'
import { ask, isFull, postgresTitle, useFolders, usePostgres, withoutPostgres } from './support/databases.js'
import { Device, Pushes, startServer, until } from './support/in-process.js'
import { Phone } from './support/phone.js'
import { openRecipient, type Queue } from './support/queues.js'
import { ServerProcess } from './support/server-process.js'

async function startSmp(log?: (entry: LogEntry) => void): Promise<SmpServer> {
  const smp = await startSmpServer({ notificationTick: 20, endDelay: 20, quota: 10_000, ...(log && { log }) })
  onTestFinished(() => smp[Symbol.asyncDispose]())
  return smp
}

async function newQueues(smp: SmpServer, count: number): Promise<Queue[]> {
  const recipient = await openRecipient(smp.address)
  onTestFinished(() => recipient[Symbol.asyncDispose]())
  return Promise.all(Array.from({ length: count }, () => recipient.newQueue()))
}

async function subscribed(server: NotificationServer, pushes: Pushes, count: number) {
  const smp = await startSmp()
  const device = await new Device(pushes).activate(server)
  const queues = await newQueues(smp, count)
  await Promise.all(queues.map((queue) => device.subscribe(server, smp.address, queue)))
  return { smp, device, queues }
}

/** Which queues' newest messages no push has named. */
async function unnamed(device: Device, queues: readonly Queue[]): Promise<string[]> {
  const newest = await Promise.all(queues.map(async (queue) => ({ queue, id: (await queue.drain()).at(-1) })))
  const items = device.received().flatMap((push) => (push.kind === 'message' ? push.items : []))
  return newest.flatMap(({ queue, id }) => {
    const own = items.filter(({ notifierId }) => Buffer.from(notifierId).toString('hex') === queue.key)
    return own.some((item) => queue.messageId(item) === id) ? [] : [queue.key]
  })
}

const allPushed = async (server: NotificationServer, smp: SmpServer): Promise<void> =>
  until(async () => {
    const { pushes } = await server.status()
    await new Promise((resolve) => setTimeout(resolve, 100))
    return pushes.owed === 0 && pushes.inFlight === 0 && smp.statistics().notifications === 0
  })

describe('SQLite', () => {
  const newFolder = useFolders()

  test('a full disk delays notifications until there is room again, and loses none', async () => {
    const database = new Database(path.join(newFolder(), 'notifications.db'))
    const store = await openSqliteNotificationStore(database)
    onTestFinished(() => store.close())
    const pushes = new Pushes()
    let failures = 0
    const error = () => void failures++
    const logger = { debug() {}, info() {}, warn() {}, error }
    const server = await startServer(pushes, { store, logger, limits: { storeRetry: 20 } })
    const { smp, device, queues } = await subscribed(server, pushes, 200)
    const pages = Number(database.pragma('page_count', { simple: true }))
    database.pragma(`max_page_count = ${pages}`)
    for (let round = 0; round < 3; round++) await Promise.all(queues.map((queue) => queue.send()))
    await until(() => failures > 2)
    database.pragma(`max_page_count = ${pages * 100}`)
    await allPushed(server, smp)
    expect(await unnamed(device, queues)).toEqual([])
  })
})

describe.skipIf(withoutPostgres)(postgresTitle, () => {
  const newStorage = usePostgres()

  test('PostgreSQL that restarts under load delays notifications, and loses none', async () => {
    const postgres: PostgresServer = await startPostgres()
    onTestFinished(() => postgres.stop())
    const { url } = await testDatabase(postgres.url)
    const pool = new pg.Pool({ connectionString: url, pipeline: true, max: 4 })
    pool.on('error', () => {})
    onTestFinished(() => pool.end())
    const store = await openPostgresNotificationStore(pool)
    onTestFinished(() => store.close())
    const pushes = new Pushes()
    const server = await startServer(pushes, { store, limits: { storeRetry: 50 } })
    const { smp, device, queues } = await subscribed(server, pushes, 50)
    let isFlowing = true
    const flowing = (async () => {
      while (isFlowing) {
        await Promise.all(queues.map((queue) => queue.send()))
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })()
    for (let i = 0; i < (isFull ? 10 : 2); i++) {
      await new Promise((resolve) => setTimeout(resolve, 300))
      await postgres.halt()
      await new Promise((resolve) => setTimeout(resolve, 300))
      await postgres.resume()
    }
    isFlowing = false
    await flowing
    await allPushed(server, smp)
    expect(await unnamed(device, queues)).toEqual([])
  })

  /** An owner, a stand-by that waits, and a phone of theirs. */
  async function ownerAndStandBy() {
    const log: LogEntry[] = []
    const smp = await startSmp((entry) => log.push(entry))
    const webhooks: WebhookFake = await startWebhookFake()
    onTestFinished(() => webhooks.close())
    const storage = await newStorage()
    if (storage.kind !== 'postgres') throw new Error('expected PostgreSQL')
    const job = { storage, smp: [smp.addressText], ca: webhooks.ca, limits: { checkSpread: 100 }, endWhenLost: true }
    const owner = new ServerProcess(job)
    onTestFinished(() => owner.kill())
    const link = await owner.ready
    const standBy = new ServerProcess(job)
    onTestFinished(() => standBy.kill())
    const phone = await Phone.connect({ name: 'phone', link, smp: smp.addressText, pushes: webhooks })
    onTestFinished(() => phone.close())
    await phone.register()
    const queues = await newQueues(smp, 20)
    await phone.subscribe(queues)
    return { log, storage, owner, standBy, phone, queues, link, smp }
  }

  test('a stand-by takes over within 30 seconds when the owner is killed', async () => {
    const { owner, standBy, phone, queues, link } = await ownerAndStandBy()
    await owner.kill()
    await Promise.all(queues.map((queue) => queue.send()))
    expect(await standBy.ready).toBe(link)
    await phone.next(({ kind }) => kind === 'check')
    const named = () =>
      new Set(
        phone
          .received()
          .flatMap((push) => (push.kind === 'message' ? push.items : []))
          .map(({ notifierId }) => Buffer.from(notifierId).toString('hex')),
      )
    await until(() => named().size === queues.length)
    // The clients notice nothing.
    expect(
      await phone.client.request('get', '/ntf/tokens/:id', undefined, { params: { id: phone.token } }),
    ).toMatchObject({
      data: { status: 'active', subscriptions: { count: queues.length } },
    })
  }, 30_000)

  test('an owner that has lost its database to a stand-by has no session any more when that one begins', async () => {
    const { log, storage, owner, standBy, phone, queues } = await ownerAndStandBy()
    const closed = owner.closed()
    log.length = 0
    await ask(
      storage.url,
      `SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
       WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()`,
    )
    expect(await closed).toEqual(expect.any(String))
    await standBy.ready
    await Promise.all(queues.map((queue) => queue.send()))
    await phone.next(({ kind }) => kind === 'message')
    expect(log.filter(({ tag }) => tag === 'END' || tag === 'ENDS')).toEqual([])
  }, 30_000)
})
