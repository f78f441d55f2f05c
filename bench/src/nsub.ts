// Subscribing to the notifications of 100,000 queues, and what each costs in memory on both sides.
import { PrivateKey } from '@smpkit/crypto'
import { openSession, type QueueSubscription, type Request, SmpPool } from '@smpkit/smp-client'
import type { CommandOf } from '@smpkit/smp-commands'
import { parseServerAddress, type ServerAddress } from '@smpkit/smp-commands/address'
import { type Bench, median, type Row, row } from './harness.js'
import { residentMemory, startPeer } from './peer.js'
import { signingLimit } from './signing-limit.js'

const queues = 100_000
/** In turns with the limit, so that both see the same machine. */
const rounds = 5

/** Makes the queues; the key of each notifier is its own, as a notification server sees it. */
export async function createQueues(address: ServerAddress, count: number): Promise<QueueSubscription[]> {
  await using session = await openSession(address)
  const recipientKey = PrivateKey.generate('ed25519')
  const dhKey = PrivateKey.generate('x25519').publicKey
  const subscriptions: QueueSubscription[] = []
  const keys = new Map<Request, PrivateKey<'ed25519'>>()
  function* requests(): Generator<Request<CommandOf<'NEW'>>> {
    for (let i = 0; i < count; i++) {
      const notifierKey = PrivateKey.generate('ed25519')
      const ntfCreds = { authKey: notifierKey.publicKey, dhKey }
      const common = { tag: 'NEW', authKey: recipientKey.publicKey, dhKey, basicAuth: null, subMode: 'create' } as const
      const request = {
        command: { ...common, queueReq: { mode: 'messaging', link: null }, ntfCreds },
        key: recipientKey,
      } as const
      keys.set(request, PrivateKey.fromRaw('ed25519', notifierKey.toRaw()))
      yield request
    }
  }
  await session.requestEach(requests(), (request, { message, error }) => {
    const key = keys.get(request)
    keys.delete(request)
    if (error) throw error
    if (message.ntfCreds && key) subscriptions.push({ id: message.ntfCreds.notifierId.slice(), key })
  })
  return subscriptions
}

export const nsub: Bench = {
  name: 'NSUB of 100,000 queues, memory',
  async run(progress): Promise<Row[]> {
    await using peer = startPeer(new URL('./smp-server-peer.js', import.meta.url))
    const address = parseServerAddress(await peer.call<string>('start'))
    progress('warming up')
    await using pool = new SmpPool()
    const server = pool.server(address)
    await server.subscribe('notifications', await createQueues(address, 2000))
    const before = { client: await residentMemory(), server: await peer.call<number>('residentMemory') }
    progress(`creating ${queues.toLocaleString('en')} queues`)
    const subscriptions = await createQueues(address, queues)
    const rates = { ours: [] as number[], limit: [] as number[] }
    for (let i = 0; i < rounds; i++) {
      progress(`subscribing, ${i + 1} of ${rounds}`)
      const part = subscriptions.slice((i * queues) / rounds, ((i + 1) * queues) / rounds)
      const start = performance.now()
      const outcomes = await server.subscribe('notifications', part)
      rates.ours.push((part.length * 1000) / (performance.now() - start))
      const failed = outcomes.filter(({ result }) => result !== 'ok').length
      if (failed > 0) throw new Error(`${failed} of ${part.length} queues were not subscribed`)
      rates.limit.push(await signingLimit(peer))
    }
    progress('measuring memory')
    const after = { client: await residentMemory(), server: await peer.call<number>('residentMemory') }
    const memory = (side: 'client' | 'server'): Row => ({
      name: `resident memory per subscription, ${side}`,
      unit: 'bytes',
      ours: (after[side] - before[side]) / queues,
      limit: null,
      ratio: null,
      atMost: 4096,
    })
    const ratio = { ours: median(rates.ours), limit: median(rates.limit) }
    return [row('NSUB of 100,000 queues', 'queues/s', ratio, 0.6), memory('client'), memory('server')]
  },
}
