// Messages from one agent to another over durable stores, against what their steps write.
import type { ConnectionId } from '@smpkit/smp-agent'
import { startPostgres } from '../../scripts/postgres.mjs'
import { connectUsers, User } from './agents.js'
import { type Bench, median, type Row, row } from './harness.js'
import { startPeer } from './peer.js'
import type { RecordedStorage } from './recorded.js'
import { recordedPostgres } from './recorded-postgres.js'
import { recordedSqlite } from './recorded-sqlite.js'

/** Connections that write at the same time; each of them sends a message when the one before it is stored. */
const connections = 16
const perConnection = 40
const messages = connections * perConnection
/** In turns with the limit. The first round warms up. */
const rounds = 5
const body = new Uint8Array(500)

/** From the first `send` until the recipient has acknowledged all messages, and the sender has heard that all are sent. */
async function exchange(sender: User, recipient: User, ids: readonly ConnectionId[]): Promise<void> {
  const sending = ids.map(async (id) => {
    for (let i = 0; i < perConnection; i++) await sender.agent.send(id, body)
  })
  await Promise.all([...sending, sender.next('sent', messages), recipient.next('message', messages)])
}

/**
 * Both agents are in this process, with a database each; the SMP server is in another one. The limit writes what their steps wrote, both
 * databases at once where the driver can. It has a transaction for each step; the stores may have one for steps that wait together.
 */
async function measure(
  storage: () => Promise<RecordedStorage>,
  what: string,
  progress: (text: string) => void,
): Promise<Row> {
  await using peer = startPeer(new URL('./smp-server-peer.js', import.meta.url))
  const server = await peer.call<string>('start')
  await using first = await storage()
  await using second = await storage()
  const storages = [first, second]
  const open = async () =>
    [await User.open(await first.open(), server), await User.open(await second.open(), server)] as const
  progress('connecting')
  const [inviter, joiner] = await open()
  const ids = await connectUsers(inviter, joiner, connections)
  for (const user of [inviter, joiner]) await user.close()
  for (const one of storages) await one.copy()

  const [recipient, sender] = await open()
  const rates = { ours: [] as number[], limit: [] as number[] }
  let steps = 0
  for (let i = 0; i <= rounds; i++) {
    progress(`sending, ${i} of ${rounds}`)
    const start = performance.now()
    await exchange(sender, recipient, ids)
    const middle = performance.now()
    const recorded = storages.map((one) => one.take())
    const replaying = performance.now()
    await Promise.all(storages.map((one, at) => one.replay(recorded[at] ?? [])))
    const end = performance.now()
    if (i === 0) continue
    steps += recorded.flat().length
    rates.ours.push((messages * 1000) / (middle - start))
    rates.limit.push((messages * 1000) / (end - replaying))
  }
  for (const user of [recipient, sender]) await user.close()
  const perMessage = (steps / rounds / messages).toFixed(1)
  const ratio = { ours: median(rates.ours), limit: median(rates.limit) }
  return row(`agent to agent over ${what}: ${perMessage} transactions each`, 'messages/s', ratio, 0.3)
}

export const messagesSqlite: Bench = {
  name: 'messages over SQLite',
  run: async (progress) => [await measure(recordedSqlite, 'SQLite', progress)],
}

export const messagesPostgres: Bench = {
  name: 'messages over PostgreSQL',
  async run(progress) {
    const postgres = await startPostgres({ fsync: true })
    try {
      return [await measure(() => recordedPostgres(postgres.url), 'PostgreSQL', progress)]
    } finally {
      await postgres.stop()
    }
  },
}
