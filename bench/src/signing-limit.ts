// What subscribing is measured by: each command is signed by the client and verified by the server, in two processes.
import { createPrivateKey, sign } from 'node:crypto'
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import { authorize, smpVersions } from '@smpkit/smp-commands'
import type { Peer } from './peer.js'

const count = 10_000

export interface SigningTimes {
  /** Milliseconds for one, while the other process verifies. */
  readonly sign: number
  readonly verify: number
}

/** Signatures here and verifications in the peer of `smp-server-peer.ts` at the same time: the slower of the two, per second. */
export async function signingLimit(peer: Peer): Promise<number> {
  const { sign, verify } = await signingTimes(peer)
  return 1000 / Math.max(sign, verify)
}

export async function signingTimes(peer: Peer): Promise<SigningTimes> {
  const key = PrivateKey.generate('ed25519')
  const session = {
    version: smpVersions.max,
    sessionId: randomBytes(32),
    serverKey: PrivateKey.generate('x25519').publicKey,
    service: null,
  }
  const nsub = { corrId: randomBytes(24), entityId: randomBytes(24), command: { tag: 'NSUB' }, key } as const
  const { authorized } = authorize(session, nsub)
  const privateKey = createPrivateKey({ key: Buffer.from(key.toDer()), format: 'der', type: 'pkcs8' })
  const verified = peer.call<number>(
    'verify',
    count,
    key.publicKey.toDer(),
    authorized,
    sign(null, authorized, privateKey),
  )
  // Lets the question leave before this process is busy.
  await new Promise((resolve) => setImmediate(resolve))
  const start = performance.now()
  for (let i = 0; i < count; i++) sign(null, authorized, privateKey)
  const signed = performance.now() - start
  return { sign: signed / count, verify: (await verified) / count }
}
