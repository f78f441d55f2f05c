// Requests as a client of a notification server makes them, and sessions that make them.
import { PrivateKey, randomBytes } from '@smpkit/crypto'
import type { NtfCommandOf } from '../commands.js'
import { connectNtf, type NtfConnectOptions } from '../connect-ntf.js'
import type { NtfRequest } from '../requests.js'
import { NtfSessionClient, type NtfSessionOptions } from '../session-client.js'
import { cleanUpLater } from './cleanup.js'
import { ManualClock } from './manual-clock.js'
import type { TestServer } from './ntf-server.js'

export const key = PrivateKey.generate('ed25519')
const dhKey = PrivateKey.generate('x25519').publicKey

export const id = (): Uint8Array => randomBytes(24)

export const ping: NtfRequest<NtfCommandOf<'PING'>> = { command: { tag: 'PING' }, key: null }

export const newToken: NtfRequest<NtfCommandOf<'TNEW'>> = {
  command: { tag: 'TNEW', provider: 'AN', token: new Uint8Array(64).fill(0x61), authKey: key.publicKey, dhKey },
  key,
}

export const check = (entityId = id()): NtfRequest<NtfCommandOf<'SCHK'>> => ({
  command: { tag: 'SCHK' },
  entityId,
  key,
})

export const checks = (count: number): NtfRequest<NtfCommandOf<'SCHK'>>[] =>
  Array.from({ length: count }, () => check())

/** A session with a server whose time stands still. */
export async function openSession(
  { address }: Pick<TestServer, 'address'>,
  { clock = new ManualClock(), ...options }: NtfSessionOptions & { clock?: ManualClock } = {},
  connecting: NtfConnectOptions = {},
): Promise<{ session: NtfSessionClient; clock: ManualClock }> {
  const session = new NtfSessionClient(await connectNtf(address, connecting), { ...options, clock })
  cleanUpLater(() => session.close())
  return { session, clock }
}
