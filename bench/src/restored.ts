// A notification server that starts subscribes to all of its queues: how fast, and what each costs in memory.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { toBase64url } from '@smpkit/encoding'
import { createNotificationServer, type NotificationStore } from '@smpkit/notification-server'
import { openPostgresNotificationStore } from '@smpkit/notification-server/postgres'
import { openSqliteNotificationStore } from '@smpkit/notification-server/sqlite'
import { nullProvider } from '@smpkit/push-providers/apns'
import { parseServerAddress } from '@smpkit/smp-commands/address'
import { connectSmp } from '@smpkit/smp-transport'
import pg from 'pg'
import { startPostgres, testDatabase } from '../../scripts/postgres.mjs'
import { type Bench, median, type Row, row } from './harness.js'
import { activeSubscription, activeToken, newServer } from './notification-rows.js'
import { createQueues } from './nsub.js'
import { type Peer, startPeer } from './peer.js'
import { signingTimes } from './signing-limit.js'
import { openDatabase } from './sqlite.js'

const count = Number(process.env.BENCH_SUBSCRIPTIONS ?? 100_000)
const rounds = 3
const batch = 1000

interface Storage extends AsyncDisposable {
  open(): Promise<NotificationStore>
  /** All rows of the subscriptions, with the bare library. */
  read(): Promise<number>
}

const all = 'SELECT * FROM notification_subscriptions'

function sqlite(): Storage {
  const folder = mkdtempSync(path.join(tmpdir(), 'smpkit-bench-'))
  const file = path.join(folder, 'notifications.db')
  return {
    open: () => openSqliteNotificationStore(openDatabase(file)),
    async read() {
      const database = openDatabase(file)
      const { length } = database.prepare(all).all()
      database.close()
      return length
    },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true })
    },
  }
}

async function postgres(server: string): Promise<Storage> {
  const database = await testDatabase(server)
  const pool = new pg.Pool({ connectionString: database.url, max: 3, pipeline: true } as pg.PoolConfig)
  pool.on('error', () => {})
  return {
    open: () => openPostgresNotificationStore(pool as never),
    read: async () => (await pool.query(all)).rows.length,
    async [Symbol.asyncDispose]() {
      await pool.end()
      await database.drop()
    },
  }
}

/** Rows as clients' requests leave them; the token is one of a device that is never pushed to. */
async function fill(store: NotificationStore, address: string): Promise<void> {
  const server = parseServerAddress(address)
  const key = toBase64url(server.keyHash)
  const token = activeToken({ owner: 'owner', provider: 'apns_null', deviceToken: 'a'.repeat(64) })
  const changes = { tokens: [token], servers: [newServer(key, address)] }
  await store.atomic({}, () => ({ changes, result: undefined }))
  const queues = await createQueues(server, count)
  for (let i = 0; i < queues.length; i += batch) {
    const subscriptions = queues
      .slice(i, i + batch)
      .map(({ id: notifierId, key: notifierKey }) =>
        activeSubscription(token, { server: key, address, notifierId, notifierKey: notifierKey.toDer() }),
      )
    await store.atomic({}, () => ({ changes: { subscriptions }, result: undefined }))
  }
}

/** On the heap and beside it, in bytes: what earlier rounds have left to the system does not count. */
async function usedMemory(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Settles when the SMP server has given so many answers. */
async function started(store: NotificationStore, peer: Peer, serviceCertificates = false, answers = count) {
  await peer.call('expectSubscriptions', answers)
  const server = await createNotificationServer({
    smp: { connect: connectSmp },
    serviceCertificates,
    store,
    providers: [nullProvider('apns_null')],
  })
  await peer.call('subscribed')
  return server
}

/** Queues per second where the SMP server knows all of them as those of a service: one `NSUBS`. */
async function serviceRate(storage: Storage, peer: Peer): Promise<number> {
  await using store = await storage.open()
  const first = await started(store, peer, true)
  // Waits until it is stored which of them are the service's.
  await first.close()
  const start = performance.now()
  const server = await started(store, peer, true, 1)
  const elapsed = performance.now() - start
  await server.close()
  if ((await peer.call<number>('surplus')) > 0) throw new Error('queues were not subscribed by the service')
  return (count * 1000) / elapsed
}

async function measure(storage: Storage, name: string, progress: (text: string) => void): Promise<Row[]> {
  await using peer = startPeer(new URL('./smp-server-peer.js', import.meta.url))
  const address = await peer.call<string>('start')
  progress(`creating ${count.toLocaleString('en')} subscriptions`)
  await using store = await storage.open()
  await fill(store, address)
  await store.close()
  const rates = { ours: [] as number[], limit: [] as number[] }
  let bytes = 0
  // The first round warms up.
  for (let i = 0; i <= rounds; i++) {
    progress(`starting, ${i} of ${rounds}`)
    const again = await storage.open()
    const before = await usedMemory()
    const start = performance.now()
    const server = await started(again, peer)
    const elapsed = performance.now() - start
    if (i === 0) bytes = ((await usedMemory()) - before) / count
    await server.close()
    await again.close()
    const reading = performance.now()
    if ((await storage.read()) !== count) throw new Error('the rows are not there')
    const read = performance.now() - reading
    const { sign, verify } = await signingTimes(peer)
    if (i === 0) continue
    rates.ours.push((count * 1000) / elapsed)
    rates.limit.push((count * 1000) / Math.max(read + sign * count, verify * count))
  }
  const ratio = { ours: median(rates.ours), limit: median(rates.limit) }
  progress('starting with a service certificate')
  const byService = await serviceRate(storage, peer)
  return [
    row(`${count.toLocaleString('en')} subscriptions restored at start, ${name}`, 'queues/s', ratio, 0.5),
    { name: `the same by service certificate, ${name}`, unit: 'queues/s', ours: byService, limit: null, ratio: null },
    {
      name: `memory per subscription of a notification server, ${name}`,
      unit: 'bytes',
      ours: bytes,
      limit: null,
      ratio: null,
      atMost: 4096,
    },
  ]
}

export const restoredSqlite: Bench = {
  name: 'subscriptions restored at start, memory, SQLite',
  async run(progress) {
    await using storage = sqlite()
    return await measure(storage, 'SQLite', progress)
  },
}

export const restoredPostgres: Bench = {
  name: 'subscriptions restored at start, memory, PostgreSQL',
  async run(progress) {
    const server = await startPostgres({ fsync: true })
    try {
      await using storage = await postgres(server.url)
      return await measure(storage, 'PostgreSQL', progress)
    } finally {
      await server.stop()
    }
  },
}
