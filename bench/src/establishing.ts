// Making connections by invitations, from the links to both sides knowing that they are connected, against the key agreements in it.
import { diffieHellman, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openSqliteStore } from '@smpkit/agent-store/sqlite'
import { connectUsers, User } from './agents.js'
import { type Bench, median, type Row, row } from './harness.js'
import { startPeer } from './peer.js'
import { openDatabase } from './sqlite.js'

/** Connections that are made at the same time. */
const atOnce = 20
/** In turns with the limit. The first round warms up. */
const rounds = 5
const limitCount = 100

/**
 * What both agents need for one connection. X448: two keys each, one more of the joiner, one for each of two ratchet steps; three
 * agreements each, one more of the joiner, two for each step. X25519, for each of two queues: a key of the sender, and two of the recipient,
 * one of them for the server; an agreement with each of them.
 */
const operations = { x448: { keys: 7, agreements: 11 }, x25519: { keys: 6, agreements: 6 } } as const

/** Of one connection, by OpenSSL. */
function nativeAgreements(): void {
  agree(generateKeyPairSync('x448'), () => generateKeyPairSync('x448'), operations.x448)
  agree(generateKeyPairSync('x25519'), () => generateKeyPairSync('x25519'), operations.x25519)
}

type KeyPair = Parameters<typeof diffieHellman>[0]

function agree(
  pair: KeyPair,
  generate: () => KeyPair,
  { keys, agreements }: { keys: number; agreements: number },
): void {
  for (let i = 1; i < keys; i++) generate()
  for (let i = 0; i < agreements; i++) diffieHellman(pair)
}

async function measure(pqSupport: boolean, name: string, progress: (text: string) => void): Promise<Row> {
  const folder = mkdtempSync(path.join(tmpdir(), 'smpkit-bench-'))
  try {
    await using peer = startPeer(new URL('./smp-server-peer.js', import.meta.url))
    const server = await peer.call<string>('start')
    const open = async (name: string) =>
      User.open(await openSqliteStore(openDatabase(path.join(folder, name))), server, { pqSupport })
    const [inviter, joiner] = [await open('inviter.db'), await open('joiner.db')]
    const rates = { ours: [] as number[], limit: [] as number[] }
    for (let i = 0; i <= rounds; i++) {
      progress(`${name}, ${i} of ${rounds}`)
      const start = performance.now()
      await connectUsers(inviter, joiner, atOnce)
      const middle = performance.now()
      for (let j = 0; j < limitCount; j++) nativeAgreements()
      const end = performance.now()
      if (i === 0) continue
      rates.ours.push((atOnce * 1000) / (middle - start))
      rates.limit.push((limitCount * 1000) / (end - middle))
    }
    await inviter.close()
    await joiner.close()
    return row(name, 'connections/s', { ours: median(rates.ours), limit: median(rates.limit) })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export const establishing: Bench = {
  name: 'connections established',
  run: async (progress) => [
    await measure(true, 'connections established, post-quantum: X448 and X25519 alone', progress),
    await measure(false, 'connections established, without KEM: X448 and X25519 alone', progress),
  ],
}
