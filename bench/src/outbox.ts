// From an NMSG to APNs through a durable outbox, against the bare libraries for the database and for HTTP/2.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { toBase64url, toHex } from '@smpkit/encoding'
import { createNotificationServer, type NotificationStore } from '@smpkit/notification-server'
import { apnsProvider } from '@smpkit/push-providers/apns'
import type { ApnsFake } from '@smpkit/push-providers/testing'
import { startPostgres } from '../../scripts/postgres.mjs'
import { barePushes } from './bare-pushes.js'
import { directSubscriber } from './direct-subscriber.js'
import { type Bench, median, type Row, row } from './harness.js'
import { activeSubscription, activeToken, newServer } from './notification-rows.js'
import { type PushStorage, postgresStorage, sqliteStorage } from './outbox-storage.js'
import { startPeer } from './peer.js'

const devices = 2000
/** NMSGs that come at once, and pushes of one transaction of the limit. */
const batch = 100
/** In turns with the limit. The first rounds warm up. */
const rounds = 6
const warmUps = 2

const server = toBase64url(randomBytes(32))
const address = `smp://${server}@smp.example.com`

/** Active tokens of APNs, each with one queue: rows as clients' requests leave them. */
async function fill(store: NotificationStore) {
  const notifierKey = PrivateKey.generate('ed25519').toDer()
  const all = Array.from({ length: devices }, (_, i) => {
    const token = activeToken({ owner: `owner ${i}`, provider: 'apns_test', deviceToken: toHex(randomBytes(32)) })
    const subscription = activeSubscription(token, { server, address, notifierId: randomBytes(24), notifierKey })
    return { token, subscription }
  })
  const changes = {
    tokens: all.map(({ token }) => token),
    subscriptions: all.map(({ subscription }) => subscription),
    servers: [newServer(server, address)],
  }
  await store.atomic({}, () => ({ changes, result: undefined }))
  return {
    notifierIds: all.map(({ subscription }) => subscription.notifierId),
    deviceTokens: all.map(({ token }) => token.deviceToken),
  }
}

/**
 * APNs is in another process. The limit carries out the statements that ours did, readings too, in transactions of a hundred
 * pushes, and then sends a request for each push. Ours also encrypts what it pushes, which the limit does not.
 */
async function measure(open: () => Promise<PushStorage>, what: string, progress: (text: string) => void): Promise<Row> {
  await using peer = startPeer(new URL('./apns-peer.js', import.meta.url))
  const apns = await peer.call<ApnsFake['options']>('start')
  await using storage = await open()
  progress(`filling, ${devices} devices`)
  const first = await storage.open()
  const { notifierIds, deviceTokens } = await fill(first)
  await first.close()
  await storage.copy()

  await using store = await storage.open()
  await using provider = apnsProvider({ ...apns, name: 'apns_test' })
  using bare = await barePushes(apns)
  const { subscriber, put } = directSubscriber(server)
  let accepted = 0
  await using notifications = await createNotificationServer({
    subscriber,
    store,
    providers: [provider],
    serviceCertificates: false,
    onPush: ({ outcome }) => {
      if (outcome.outcome === 'accepted') accepted++
    },
  })
  const nonce = randomBytes(24)
  const encMeta = randomBytes(144)
  const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
  /** Until all pushes were accepted, and that is in the store. */
  async function push() {
    accepted = 0
    for (let i = 0; i < devices; i += batch) {
      const some = notifierIds.slice(i, i + batch)
      put(...some.map((notifierId) => ({ type: 'notification', server, notifierId, nonce, encMeta }) as const))
      await new Promise((resolve) => setImmediate(resolve))
    }
    while (accepted < devices || (await notifications.status()).pushes.owed > 0) await pause(1)
    if (accepted !== devices) throw new Error(`expected ${devices} pushes, got ${accepted}`)
  }

  // What is recorded leaves no rows behind, so that it can be repeated; the rounds that count are free of the recording.
  for (let i = 0; i < warmUps; i++) {
    progress('warming up')
    await pause(20)
    storage.record()
    await push()
  }
  const recorded = storage.take()
  const rates = { ours: [] as number[], limit: [] as number[] }
  for (let i = 1; i <= rounds; i++) {
    progress(`pushing, ${i} of ${rounds}`)
    await pause(20)
    const start = performance.now()
    await push()
    const end = performance.now()
    await storage.replay(recorded, (2 * devices) / batch)
    await bare.send(deviceTokens)
    const replayed = performance.now()
    rates.ours.push((devices * 1000) / (end - start))
    rates.limit.push((devices * 1000) / (replayed - end))
  }
  const perPush = (recorded.length / devices).toFixed(1)
  const name = `NMSG to APNs over ${what}: ${perPush} statements each, encryption only in ours`
  return row(name, 'pushes/s', { ours: median(rates.ours), limit: median(rates.limit) }, 0.5)
}

export const outboxSqlite: Bench = {
  name: 'NMSG to APNs over SQLite',
  run: async (progress) => [await measure(sqliteStorage, 'SQLite', progress)],
}

export const outboxPostgres: Bench = {
  name: 'NMSG to APNs over PostgreSQL',
  async run(progress) {
    const postgres = await startPostgres({ fsync: true })
    try {
      return [await measure(() => postgresStorage(postgres.url), 'PostgreSQL', progress)]
    } finally {
      await postgres.stop()
    }
  },
}
