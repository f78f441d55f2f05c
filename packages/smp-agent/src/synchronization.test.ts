import { find, get, type Row, type Synchronization, update } from '@smpkit/agent-store'
import { sha256 } from '@smpkit/crypto'
import { decode } from '@smpkit/encoding'
import { describe, expect, it } from 'vitest'
import { agentEnvelope } from './agent-envelope.js'
import { type ConnectionId, idFromText } from './connection-id.js'
import { useForgers } from './testing/forger.js'
import { Lossy } from './testing/lossy.js'
import { useServer } from './testing/server.js'
import { bytes, connectByInvitation, type User, type UserOptions, useUsers } from './testing/users.js'

const server = useServer()
const users = useUsers(() => ({ servers: [server().addressText] }))
const forgerOf = useForgers()

interface Pair {
  readonly alice: User
  readonly bob: User
  readonly a: ConnectionId
  readonly b: ConnectionId
}

async function connected(...[ofAlice, ofBob = ofAlice]: Partial<UserOptions>[]): Promise<Pair> {
  const [alice, bob] = [await users.create(ofAlice), await users.create(ofBob)]
  const [a, b] = await connectByInvitation(alice, bob)
  return { alice, bob, a, b }
}

async function states(user: User, ...expected: string[]): Promise<void> {
  const found: string[] = []
  while (found.length < expected.length) found.push((await user.taken('synchronization')).state)
  expect(found).toEqual(expected)
}

async function exchange({ alice, bob, a, b }: Pair): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await alice.agent.send(a, bytes('from alice'))
    await alice.taken('sent')
    expect(await bob.messages(1)).toEqual(['from alice'])
    await bob.agent.send(b, bytes('from bob'))
    await bob.taken('sent')
    expect(await alice.messages(1)).toEqual(['from bob'])
  }
}

async function stored<T extends 'connections' | 'ratchets'>({ store }: User, table: T, connection: ConnectionId) {
  const { row } = await store.read({ row: get(table, { connId: idFromText(connection) } as never) })
  if (!row) throw new Error('expected a row')
  return row as Row<T>
}

async function setConnection({ store }: User, connection: ConnectionId, changes: Partial<Row<'connections'>>) {
  const writes = [update('connections', { connId: idFromText(connection) }, changes)]
  await store.atomic({}, () => ({ writes, result: undefined }))
}

const setState = (user: User, connection: ConnectionId, synchronization: Synchronization) =>
  setConnection(user, connection, { synchronization })

describe('a re-synchronization', () => {
  it('makes new ratchets, whoever starts it and whatever the keys are', async () => {
    const pair = await connected()
    const { alice, bob, a, b } = pair
    // The roles are decided by the keys: with six of them both outcomes are nearly certain.
    for (let i = 0; i < 6; i++) {
      const [starter, other, connection] = i % 2 === 0 ? ([alice, bob, a] as const) : ([bob, alice, b] as const)
      await starter.agent.synchronize(connection, { force: true })
      await states(starter, 'started', 'agreed', 'ok')
      await states(other, 'agreed', 'ok')
    }
    await exchange(pair)
  })

  it('comes to one ratchet where both sides start', async () => {
    const pair = await connected()
    const { alice, bob, a, b } = pair
    await Promise.all([alice.stop(), bob.stop()])
    // Neither knows of the other's when it starts.
    for (const [user, connection] of [
      [alice, a],
      [bob, b],
    ] as const) {
      await user.start({ subscribe: false })
      await user.agent.synchronize(connection, { force: true })
      await user.stop()
    }
    await alice.start({ subscribe: true })
    await bob.start({ subscribe: true })
    await states(alice, 'started', 'agreed', 'ok')
    await states(bob, 'started', 'agreed', 'ok')
    await exchange(pair)
  })

  it.each([
    ['neither', false, false],
    ['one', true, false],
    ['the other', false, true],
    ['both', true, true],
  ])('works where %s can use post-quantum keys, and has them again', async (_name, ofAlice, ofBob) => {
    const pair = await connected({ pqSupport: ofAlice }, { pqSupport: ofBob })
    const { alice, bob, a } = pair
    await alice.agent.synchronize(a, { force: true })
    await states(alice, 'started', 'agreed', 'ok')
    await states(bob, 'agreed', 'ok')
    await exchange(pair)
    await alice.agent.send(a, bytes('last'))
    expect((await bob.taken('message')).pq).toBe(ofAlice && ofBob)
  })

  it('goes on after restarts', async () => {
    const pair = await connected()
    const { alice, bob, a } = pair
    await bob.stop()
    await alice.agent.synchronize(a, { force: true })
    await states(alice, 'started')
    await alice.restart()
    await bob.start()
    await states(bob, 'agreed', 'ok')
    await states(alice, 'agreed', 'ok')
    await exchange(pair)
  })

  it('takes an id of the sender, and the one byte R in its chain of hashes', async () => {
    const lossy = new Lossy()
    const { alice, a } = await connected({ route: lossy.route }, {})
    lossy.losing = true
    await alice.agent.synchronize(a, { force: true })
    const connId = idFromText(a)
    const { sent } = await alice.store.read({ sent: find('messages', 'byConnection', { connId }) })
    const hash = sha256(bytes('R'))
    expect(sent).toMatchObject([{ type: 'ratchetKey', sentId: 2, hash, notification: true }])
    expect(await stored(alice, 'connections', a)).toMatchObject({ lastSentId: 2, lastSentHash: hash })
    const envelope = decode(agentEnvelope, sent[0]?.body ?? bytes(''))
    expect(envelope).toMatchObject({ agentVersion: 7, type: 'ratchetKey', info: bytes('R') })
    expect(envelope.type === 'ratchetKey' && envelope.e2eParams).toMatchObject({
      version: 3,
      kem: { type: 'proposed' },
    })
  })

  it('is started again with other keys, as long as the peer has not answered', async () => {
    const pair = await connected()
    const { alice, bob, a } = pair
    await bob.stop()
    await alice.agent.synchronize(a, { force: true })
    const first = await stored(alice, 'ratchets', a)
    await expect(alice.agent.synchronize(a)).rejects.toMatchObject({ code: 'PROHIBITED' })
    await alice.agent.synchronize(a, { force: true })
    expect((await stored(alice, 'ratchets', a)).keys).not.toEqual(first.keys)
    await states(alice, 'started')
  })

  /** Both have agreed on different ratchets: Alice's second keys came too late for Bob. */
  async function crossed() {
    const pair = await connected()
    const { alice, bob, a } = pair
    await alice.restart({ subscribe: false })
    await alice.agent.synchronize(a, { force: true })
    await states(bob, 'agreed')
    await alice.agent.synchronize(a, { force: true })
    expect(await bob.taken('error')).toMatchObject({ code: 'RATCHET_SYNC' })
    await states(bob, 'required')
    await alice.restart({ subscribe: true })
    await states(alice, 'started', 'agreed')
    return pair
  }

  /** The next states; what does not decrypt meanwhile is of no interest. */
  async function nextStates(user: User, ...expected: readonly string[]): Promise<void> {
    for (const state of expected) expect(await user.found('synchronization', 'error')).toMatchObject({ state })
  }

  it('may be forced again where keys have crossed, so that both have agreed on different ratchets', async () => {
    const pair = await crossed()
    await pair.alice.agent.synchronize(pair.a, { force: true })
    await nextStates(pair.alice, 'started', 'agreed', 'ok')
    await nextStates(pair.bob, 'agreed', 'ok')
    await exchange(pair)
  })

  // The keys, and so who has which role, are random.
  it.each([1, 2])('ends where both start whenever it is required (%i)', async () => {
    const pair = await crossed()
    const { alice, bob, a, b } = pair
    await bob.agent.synchronize(b)
    await nextStates(bob, 'started')
    await nextStates(alice, 'required')
    await alice.agent.synchronize(a)
    await nextStates(alice, 'started', 'ok')
    await nextStates(bob, 'agreed', 'ok')
    await exchange(pair)
  })

  it('lets what waits to be sent arrive before', async () => {
    const pair = await connected()
    const { alice, bob, a } = pair
    await bob.stop()
    for (const text of ['one', 'two', 'three']) await alice.agent.send(a, bytes(text))
    await alice.agent.synchronize(a, { force: true })
    await bob.start()
    expect(await bob.messages(3)).toEqual(['one', 'two', 'three'])
    await states(bob, 'agreed', 'ok')
    for (const event of [await alice.next(), await alice.next(), await alice.next(), await alice.next()]) {
      await event.ack()
      expect(['sent', 'synchronization']).toContain(event.type)
    }
  })

  it('makes the peer wait that moves its queue meanwhile', async () => {
    // Without the end of the synchronization, nothing would be tried again in time.
    const retry = { fast: { first: 60_000, growAfter: 60_000, max: 60_000 } }
    const { alice, bob, a, b } = await connected({ retry })
    await bob.stop()
    await alice.agent.switchQueue(a)
    await alice.taken('switch')
    await bob.start({ subscribe: false })
    await bob.agent.synchronize(b, { force: true })
    await bob.restart({ subscribe: true })
    for (const phase of ['confirmed', 'secured', 'completed']) {
      expect(await alice.found('switch', 'synchronization')).toMatchObject({ side: 'receive', phase })
    }
    for (const phase of ['started', 'confirmed', 'secured', 'completed']) {
      expect(await bob.found('switch', 'synchronization')).toMatchObject({ side: 'send', phase })
    }
    await exchange({ alice, bob, a, b })
  })

  it('lets nothing be sent until it has ended', async () => {
    const { alice, bob, a } = await connected()
    await bob.stop()
    await alice.agent.synchronize(a, { force: true })
    for (const state of ['started', 'agreed', 'required', 'restored'] as const) {
      await setState(alice, a, state)
      await expect(alice.agent.send(a, bytes('x'))).rejects.toMatchObject({ code: 'SYNCHRONIZATION', temporary: true })
    }
  })

  it.each([
    ['ok', undefined, false],
    ['ok', { force: true }, true],
    ['allowed', undefined, true],
    ['required', undefined, true],
    ['restored', undefined, true],
    ['started', undefined, false],
    ['started', { force: true }, true],
    ['agreed', undefined, false],
    ['agreed', { force: true }, true],
  ] as const)('may be started in state %s with %o: %s', async (state, options, expected) => {
    const { alice, bob, a } = await connectedOnce()
    await bob.stop()
    await setState(alice, a, state)
    const started = alice.agent.synchronize(a, options)
    if (expected) await started
    else await expect(started).rejects.toMatchObject({ code: 'PROHIBITED' })
    expect((await stored(alice, 'connections', a)).synchronization).toBe(expected ? 'started' : state)
  })

  it('is not started with an agent that does not know it, nor before or after there is a connection', async () => {
    const { alice, a } = await connectedOnce()
    await setConnection(alice, a, { agentVersion: 2, synchronization: 'required' })
    await expect(alice.agent.synchronize(a)).rejects.toMatchObject({ code: 'PROHIBITED' })
    await setConnection(alice, a, { agentVersion: 7, deletion: 'now' })
    await expect(alice.agent.synchronize(a)).rejects.toMatchObject({ code: 'PROHIBITED' })
    const { connection } = await alice.agent.createInvitation()
    await expect(alice.agent.synchronize(connection, { force: true })).rejects.toMatchObject({ code: 'PROHIBITED' })
  })
})

let once: Promise<Pair> | undefined
/** For tests that set all that they need. */
function connectedOnce(): Promise<Pair> {
  once ??= connected()
  return once
}

describe('a message that does not decrypt', () => {
  it('changes nothing, where the peer cannot synchronize', async () => {
    const { alice, bob, a, b } = await connected({ pqSupport: false })
    await setConnection(bob, b, { agentVersion: 2 })
    const encAgentMessage = await forgerOf(bob, b).encrypt(new Uint8Array(0))
    await forgerOf(alice, a).sendEnvelope({ agentVersion: 2, type: 'message', encAgentMessage })
    expect(await bob.taken('error')).toMatchObject({ code: 'RATCHET_HEADER' })
    await bob.agent.send(b, bytes('still good'))
    expect(await alice.messages(1)).toEqual(['still good'])
  })

  it('ends in new ratchets, where the old ones have diverged', async () => {
    const pair = await connected()
    const { alice, bob, a } = pair
    const { state } = await stored(alice, 'ratchets', a)
    await exchange(pair)
    // As a backup would be that nobody knows of.
    await alice.stop()
    await alice.start()
    const { version } = await stored(alice, 'ratchets', a)
    await alice.store.atomic({}, () => ({
      writes: [update('ratchets', { connId: idFromText(a) }, { version: version + 1, state })],
      result: undefined,
    }))
    await alice.agent.send(a, bytes('lost'))
    await alice.taken('sent')
    expect(await bob.taken('error')).toMatchObject({ code: 'RATCHET_HEADER' })
    await states(bob, 'required')
    await bob.agent.synchronize(pair.b)
    await states(bob, 'started', 'agreed', 'ok')
    await states(alice, 'agreed', 'ok')
    await exchange(pair)
  })
})
