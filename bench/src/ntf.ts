// SNEW of many subscriptions over the NTF protocol: what a notification server does for each, against what it cannot do without.

import type { QueueSubscription } from '@smpkit/smp-client'
import { parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import { startPostgres } from '../../scripts/postgres.mjs'
import { type Bench, type Row, row } from './harness.js'
import { createQueues } from './nsub.js'
import { connect, type Device, prepare, register } from './ntf-clients.js'
import { type Peer, startPeer } from './peer.js'

const count = 20_000
/** Each on an empty database, in turns with the limit. The first one warms up. */
const rounds = 3
/** What is signed of an `NSUB`, in bytes. */
const nsubLength = 90

interface Load {
  readonly connections: number
  readonly sharesToken: boolean
}

interface Place {
  readonly peer: Peer
  readonly postgres: string | null
  readonly smpPeer: Peer
  readonly smpServer: ServerAddress
  readonly queues: readonly QueueSubscription[]
}

/** Subscriptions per second: until the last answer, and until the last `NSUB` has been answered too; and the limit. */
interface Measured {
  readonly ours: number
  readonly withNsub: number
  readonly limit: number
}

async function measure(
  { peer, postgres, smpPeer, smpServer, queues }: Place,
  { connections, sharesToken }: Load,
): Promise<Measured> {
  const address = await peer.call<string>('start', postgres)
  const codeOf = (tokenId: Uint8Array) => peer.call<Uint8Array>('code', tokenId)
  const opened = await Promise.all(Array.from({ length: connections }, () => connect(address)))
  let shared: Device | undefined
  const clients = []
  for (const [i, connection] of opened.entries()) {
    const device = (sharesToken && shared) || (await register(connection, codeOf))
    shared ??= device
    const some = queues.filter((_, at) => at % connections === i)
    clients.push(prepare(connection, device, smpServer, some))
  }
  await smpPeer.call('expectSubscriptions', count)
  const start = performance.now()
  await Promise.all(clients.map(({ run }) => run()))
  const answered = performance.now()
  await smpPeer.call('subscribed')
  const subscribed = performance.now()
  for (const connection of opened) await connection.close()
  const limit = await peer.call<number>('limit', clients[0]?.length, nsubLength)
  return { ours: (count * 1000) / (answered - start), withNsub: (count * 1000) / (subscribed - start), limit }
}

/** The round whose ratio is the median. */
const medianOf = (measured: readonly Measured[]): Measured =>
  [...measured].sort((a, b) => a.withNsub / a.limit - b.withNsub / b.limit)[measured.length >> 1] as Measured

const loads: readonly Load[] = [
  { connections: 1, sharesToken: false },
  { connections: 4, sharesToken: false },
  { connections: 16, sharesToken: false },
  { connections: 16, sharesToken: true },
]

const nameOf = ({ connections, sharesToken }: Load) =>
  `${connections === 1 ? '1 connection' : `${connections} connections`}${sharesToken ? ' of one token' : ''}`

async function run(postgres: string | null, progress: (text: string) => void): Promise<Row[]> {
  await using smpPeer = startPeer(new URL('./smp-server-peer.js', import.meta.url))
  await using peer = startPeer(new URL('./ntf-server-peer.js', import.meta.url))
  const smpServer = parseServerAddress(await smpPeer.call<string>('start'))
  progress(`creating ${count.toLocaleString('en')} queues`)
  const place = { peer, postgres, smpPeer, smpServer, queues: await createQueues(smpServer, count) }
  progress('warming up')
  await measure(place, { connections: 4, sharesToken: false })
  const all = loads.map((load) => ({ load, measured: [] as Measured[] }))
  for (let i = 1; i <= rounds; i++) {
    for (const { load, measured } of all) {
      progress(`subscribing over ${nameOf(load)}, ${i} of ${rounds}`)
      measured.push(await measure(place, load))
    }
  }
  const atLeast = postgres === null ? 0.5 : undefined
  return all.flatMap(({ load, measured }) => {
    // Of one round, as the machine may be busier in another one.
    const { ours, withNsub, limit } = medianOf(measured)
    const name = `SNEW of ${count.toLocaleString('en')} over ${nameOf(load)}, ${postgres === null ? 'SQLite' : 'PostgreSQL'}`
    return [
      row(`${name}, signed before`, 'subscriptions/s', { ours, limit }, atLeast),
      row(`${name}, until the last NSUB`, 'subscriptions/s', { ours: withNsub, limit }, atLeast),
    ]
  })
}

export const ntfSqlite: Bench = { name: 'ntf over SQLite', run: (progress) => run(null, progress) }

export const ntfPostgres: Bench = {
  name: 'ntf over PostgreSQL',
  async run(progress) {
    const server = await startPostgres({ fsync: true })
    try {
      return await run(server.url, progress)
    } finally {
      await server.stop()
    }
  },
}
