// An agent that starts subscribes to all of its queues: how fast, and what each connection costs in memory.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startAgent } from './agent-peer.js'
import { type Bench, median, type Row, row } from './harness.js'
import { startPeer } from './peer.js'
import { signingLimit } from './signing-limit.js'
import { storeConnections } from './stored-connections.js'

const connections = 20_000
/** In turns with the limit, so that both see the same machine. */
const rounds = 5
const manyConnections = 100_000

export const startUp: Bench = {
  name: 'start-up of an agent, memory',
  async run(progress) {
    const folder = mkdtempSync(path.join(tmpdir(), 'smpkit-bench-'))
    const fileOf = (name: string) => path.join(folder, `${name}.db`)
    await using peer = startPeer(new URL('./smp-server-peer.js', import.meta.url))
    const server = await peer.call<string>('start')

    async function measureSpeed(): Promise<Row> {
      progress(`creating ${connections.toLocaleString('en')} connections`)
      await storeConnections(fileOf('some'), server, connections)
      const rates = { ours: [] as number[], limit: [] as number[] }
      // The first round warms up.
      for (let i = 0; i <= rounds; i++) {
        progress(`starting, ${i} of ${rounds}`)
        const start = performance.now()
        const stop = await startAgent(fileOf('some'), server, connections)
        const elapsed = performance.now() - start
        await stop()
        const limit = await signingLimit(peer)
        if (i === 0) continue
        rates.ours.push((connections * 1000) / elapsed)
        rates.limit.push(limit)
      }
      const ratio = { ours: median(rates.ours), limit: median(rates.limit) }
      return row('start-up subscription of 20,000 connections', 'queues/s', ratio, 0.5)
    }

    async function measureMemory(): Promise<Row> {
      progress(`creating ${manyConnections.toLocaleString('en')} connections`)
      await storeConnections(fileOf('few'), server, 2000)
      await storeConnections(fileOf('many'), server, manyConnections)
      progress('measuring memory')
      await using agents = startPeer(new URL('./agent-peer.js', import.meta.url))
      // Another agent warms up.
      await agents.call('start', fileOf('few'), server, 2000)
      const before = await agents.call<number>('residentMemory')
      await agents.call('start', fileOf('many'), server, manyConnections)
      const after = await agents.call<number>('residentMemory')
      return {
        name: 'resident memory per connection of an agent with 100,000',
        unit: 'bytes',
        ours: (after - before) / manyConnections,
        limit: null,
        ratio: null,
        atMost: 4096,
      }
    }

    try {
      return [await measureSpeed(), await measureMemory()]
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}
