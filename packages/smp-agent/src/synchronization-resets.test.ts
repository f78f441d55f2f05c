// A peer that begins re-synchronizations by hand: what an agent does with the keys of new ratchets.
import { find, get, insert } from '@smpkit/agent-store'
import { decode } from '@smpkit/encoding'
import { createRatchetKeys, paramsOf, ratchetKeyHash, ratchetState } from '@smpkit/ratchet'
import { describe, expect, it } from 'vitest'
import { type ConnectionId, idFromText } from './connection-id.js'
import { type Forger, useForgers } from './testing/forger.js'
import { useServer } from './testing/server.js'
import { bytes, connectByInvitation, type User, useUsers } from './testing/users.js'

const server = useServer()
const users = useUsers(() => ({ servers: [server().addressText] }))
const forgerOf = useForgers()

const ratchetKey = (version = 3, keys = createRatchetKeys({ kem: false })) =>
  ({ agentVersion: 7, type: 'ratchetKey', e2eParams: paramsOf(keys, version), info: bytes('R') }) as const

/** Bob's peer is the forger; Alice, whose keys it has, takes no messages. */
async function forged(): Promise<{ forger: Forger; bob: User; b: ConnectionId }> {
  const [alice, bob] = [await users.create(), await users.create()]
  const [a, b] = await connectByInvitation(alice, bob)
  await alice.restart({ subscribe: false })
  return { forger: forgerOf(alice, a), bob, b }
}

const read = async ({ store }: User, connection: ConnectionId) => {
  const connId = idFromText(connection)
  return await store.read({
    connection: get('connections', { connId }),
    ratchet: get('ratchets', { connId }),
    skipped: find('skippedKeys', 'byConnection', { connId }),
    deliveries: find('deliveries', 'byConnection', { connId }),
  })
}

describe('keys of a new ratchet', () => {
  it('are taken once', async () => {
    const { forger, bob, b } = await forged()
    const envelope = ratchetKey()
    await forger.sendEnvelope(envelope)
    expect(await bob.taken('synchronization')).toMatchObject({ state: 'agreed' })
    const former = await read(bob, b)
    await forger.sendEnvelope(envelope)
    await forger.sendInside(bytes('_'))
    expect(await bob.taken('error')).toMatchObject({ code: 'A_MESSAGE' })
    const { connection, ratchet } = await read(bob, b)
    expect(connection).toEqual(former.connection)
    expect(ratchet).toEqual(former.ratchet)
  })

  it('replace the old ratchet with the keys that it has skipped', async () => {
    const { forger, bob, b } = await forged()
    await forger.encrypt(bytes('x'))
    await forger.sendPlaintext(bytes('y'))
    expect(await bob.taken('error')).toMatchObject({ code: 'A_MESSAGE' })
    expect((await read(bob, b)).skipped).toHaveLength(1)
    await forger.sendEnvelope(ratchetKey())
    expect(await bob.taken('synchronization')).toMatchObject({ state: 'agreed' })
    expect((await read(bob, b)).skipped).toEqual([])
  })

  it('instead of a message of the new ratchet, which was agreed, are an error, and the next ones are taken again', async () => {
    const { forger, bob } = await forged()
    for (let i = 0; i < 3; i++) {
      await forger.sendEnvelope(ratchetKey())
      expect(await bob.taken('synchronization')).toMatchObject({ state: 'agreed' })
      await forger.sendEnvelope(ratchetKey())
      expect(await bob.taken('error')).toMatchObject({ code: 'RATCHET_SYNC' })
      expect(await bob.taken('synchronization')).toMatchObject({ state: 'required' })
    }
  })

  it.each([0, 1, 4, 65535])('of version %i are refused, and change nothing', async (version) => {
    const { forger, bob, b } = await forgedOnce()
    const former = await read(bob, b)
    await forger.sendEnvelope(ratchetKey(version))
    expect(await bob.taken('error')).toMatchObject({ code: 'A_VERSION' })
    expect(await read(bob, b)).toEqual(former)
  })

  it.each([2, 3])('decide the version of the new ratchet: %i', async (version) => {
    const { forger, bob, b } = await forged()
    await forger.sendEnvelope(ratchetKey(version))
    expect(await bob.taken('synchronization')).toMatchObject({ state: 'agreed' })
    const { ratchet } = await read(bob, b)
    expect(ratchet?.state && decode(ratchetState, ratchet.state).version).toBe(version)
  })

  it('come too early before both sides have confirmed', async () => {
    const [alice, bob] = [await users.create(), await users.create()]
    const { connection: a, link } = await alice.agent.createInvitation()
    const b = await bob.agent.join(link, { info: bytes('bob') })
    await alice.taken('confirmation')
    await forgerOf(bob, b).sendEnvelope(ratchetKey())
    expect(await alice.taken('error')).toMatchObject({ code: 'A_PROHIBITED' })
    await alice.agent.allow(a, bytes('alice'))
    await bob.taken('info')
    await bob.taken('connected')
    await alice.taken('connected')
  })

  it('are not answered while the peer fetches nothing', async () => {
    const { forger, bob, b } = await forgedOnce()
    const connId = idFromText(b)
    const waiting = Array.from({ length: 1000 }, (_, i) =>
      insert('deliveries', { connId, queueNo: 99, messageId: 1_000_000 + i, fastDelay: 0, slowDelay: 0 }),
    )
    await bob.store.atomic({}, () => ({ writes: waiting, result: undefined }))
    const former = await read(bob, b)
    const envelope = ratchetKey()
    await forger.sendEnvelope(envelope)
    expect(await bob.taken('error')).toMatchObject({ code: 'A_PROHIBITED' })
    expect(await read(bob, b)).toEqual(former)
    const hash = ratchetKeyHash(envelope.e2eParams)
    const { known } = await bob.store.read({ known: get('hashes', { connId, kind: 'ratchetKey', hash }) })
    expect(known).toBeUndefined()
  })
})

let once: ReturnType<typeof forged> | undefined
/** For what changes nothing. */
function forgedOnce(): ReturnType<typeof forged> {
  once ??= forged()
  return once
}
